#!/usr/bin/env bash
# Lays the federation files of a revision over a checkout of another one: take-onboarding.sh CHECKOUT REVISION
#
# For pull requests: the checkout is the base branch's, with its settings and its rules; of the contributor's revision
# only the files below onboarding/ are taken. A symbolic link among them could lead to any file of the runner.
set -euo pipefail

checkout=$1 revision=$2
entries=$(git -C "$checkout" ls-tree -r "$revision" -- onboarding)
if grep -v '^100644 blob ' <<<"$entries" | grep .; then
  echo "::error title=onboarding::only plain files belong below onboarding/" >&2
  exit 1
fi
if [[ -n $entries ]]; then
  git -C "$checkout" -c core.hooksPath=/dev/null restore --source="$revision" --worktree -- onboarding
else
  rm -rf "$checkout/onboarding"
fi
