#!/usr/bin/env bash
# Writes the review of what one revision changes since another: write-review.sh BEFORE AFTER FOLDER
#
# Exits as `dirops diff` does: 2 where something could not be compared. The review is written all the same, and says so.
set -euo pipefail

before=$1 after=$2 folder=$3
mkdir -p "$folder"
status=0
for format in markdown html json; do
  result=0
  dirops diff "$before" "$after" --format "$format" --out "$folder/review.${format/markdown/md}" || result=$?
  ((result <= status)) || status=$result
done
if [[ -f $folder/review.md ]]; then
  cat "$folder/review.md" >>"$GITHUB_STEP_SUMMARY"
fi
if ((status != 0)); then
  echo "::error title=dirops diff::exit code $status: the review is not the whole, and says what is missing"
fi
exit "$status"
