#!/usr/bin/env bash
# Puts the review that a run of the workflow `review` left as its artifact into one comment on its pull request.
#
# What a run leaves, its contributor may have made: the artifact is read as text, of one name and a limited length, never
# unpacked and never run. Which pull request it is, and that the run is of its latest commit, GitHub tells.
#
# From the event: RUN_ID, HEAD_SHA, HEAD_OWNER, HEAD_BRANCH, BASE_BRANCH, RUN_URL. From the runner: GITHUB_REPOSITORY.
set -euo pipefail

mark='<!-- dirops-review -->'
author='github-actions[bot]'
longest_archive=$((32 * 1024 * 1024))
longest_review=65000
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "::error title=review::$1" >&2
  exit 1
}

# Nothing is wrong, and there is nothing to do.
leave() {
  echo "::notice title=review::$1"
  exit 0
}

get() {
  gh api --method GET "repos/$GITHUB_REPOSITORY/$1" "${@:2}"
}

# Prints the number of the open pull request whose latest commit the run is of; nothing where there is none any more.
pull_request() {
  get pulls -f state=open -f base="$BASE_BRANCH" -f head="$HEAD_OWNER:$HEAD_BRANCH" |
    jq --arg sha "$HEAD_SHA" '[.[] | select(.head.sha == $sha) | .number] | if length == 1 then .[0] else empty end'
}

# Prints the id of the run's artifact; nothing where it left none.
artifact() {
  get "actions/runs/$RUN_ID/artifacts" -f name=dirops-review |
    jq --argjson longest "$longest_archive" '
      [.artifacts[] | select(.name == "dirops-review" and (.expired | not))] | max_by(.id) | select(. != null)
      | if .size_in_bytes <= $longest then .id else error("the artifact is too large") end'
}

# Writes the review's text; one character more than it may have shows that it is too long.
read_review() {
  get "actions/artifacts/$1/zip" | head -c $((longest_archive + 1)) >"$work/artifact.zip" || true
  # A bomb is cut off while it is unpacked, which ends unzip early: what came counts, and is judged below.
  { unzip -p "$work/artifact.zip" review.md </dev/null 2>/dev/null || true; } |
    head -c $((4 * longest_review + 4)) >"$work/review.md"
}

check_review() {
  iconv -f UTF-8 -t UTF-8 "$work/review.md" >/dev/null 2>&1 || fail "the review is not text, or too long"
  [[ $(head -n 1 "$work/review.md") == "$mark" ]] || fail "the artifact has no review"
  (($(jq -Rs length <"$work/review.md") <= longest_review)) || fail "the review is too long"
}

# Writes the comment as JSON. Its first lines are ours: readers must know whose word the rest is.
write_comment() {
  local origin="> Written by [the workflow of this pull request]($RUN_URL), whose code is the contributor's, for commit $HEAD_SHA."
  jq -Rs --arg mark "$mark" --arg origin "$origin" \
    '{body: ($mark + "\n" + $origin + "\n\n" + ltrimstr($mark) )}' <"$work/review.md" >"$work/comment.json"
}

# Prints the id of the comment that this workflow made before. Anybody can copy the mark: only the bot's own counts.
own_comment() {
  get "issues/$1/comments" -F per_page=100 --paginate |
    jq -s --arg mark "$mark" --arg author "$author" \
      '[.[][] | select(.user.login == $author and (.body | startswith($mark))) | .id] | min | select(. != null)'
}

post() {
  local number=$1 id
  id=$(own_comment "$number")
  if [[ -n $id ]]; then
    gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" --input "$work/comment.json" --silent
  else
    gh api --method POST "repos/$GITHUB_REPOSITORY/issues/$number/comments" --input "$work/comment.json" --silent
  fi
}

[[ $HEAD_SHA =~ ^[0-9a-f]{40}$ && $RUN_ID =~ ^[0-9]+$ ]] || fail "the event names no run"
[[ -n $HEAD_OWNER ]] || leave "the fork is gone"
number=$(pull_request)
[[ -n $number ]] || leave "the pull request is closed, or has newer commits"
id=$(artifact) || fail "the run's artifact cannot be read"
[[ -n $id ]] || leave "the run left no review"
read_review "$id"
check_review
write_comment
[[ $(pull_request) == "$number" ]] || leave "the pull request got newer commits meanwhile"
post "$number"
