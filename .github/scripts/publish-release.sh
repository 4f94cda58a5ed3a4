#!/usr/bin/env bash
# Publishes the files of a folder as the release of a tag: publish-release.sh TAG FOLDER
#
# It stays a draft until every file is there, so that nobody gets half of it, and a run that broke off can be repeated.
set -euo pipefail

tag=$1 folder=$2
if ! gh release view "$tag" >/dev/null 2>&1; then
  gh release create "$tag" --draft --verify-tag --generate-notes --title "$tag" ${PRERELEASE:+--prerelease}
fi
if [[ $(gh release view "$tag" --json isDraft --jq .isDraft) != true ]]; then
  echo "::error title=release::$tag is published already" >&2
  exit 1
fi
gh release upload "$tag" --clobber "$folder"/*
gh release edit "$tag" --draft=false
