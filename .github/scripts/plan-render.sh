#!/usr/bin/env bash
# Prints the matrix of jobs that propose what has to be rendered: plan-render.sh [SHARDS]
#
# Without SHARDS, one job for everything. With, the environments that changed since the last commit whose run succeeded:
# the commit before this push would not do, for its run may have failed, or never have begun. ENVIRONMENT_REPOSITORY is
# owner/name.
set -euo pipefail

everything='{"include":[{"shard":0,"environments":"","prune":true}]}'
shards=${1:-}

# Prints the commit that was rendered last, if this one descends from it.
last_rendered() {
  local commit
  commit=$(gh api --method GET "repos/$GITHUB_REPOSITORY/actions/workflows/render.yml/runs" \
    -f branch="$GITHUB_REF_NAME" -f status=success -F per_page=1 | jq -r '.workflow_runs[0].head_sha // empty')
  if [[ $commit =~ ^[0-9a-f]{40}$ ]] && git merge-base --is-ancestor "$commit" HEAD 2>/dev/null; then
    echo "$commit"
  fi
}

# Fetches the environment repository, and prints the option that names it: the registry of partners may be there.
environment_repository() {
  local folder=$RUNNER_TEMP/environment-repository
  if GIT_TERMINAL_PROMPT=0 git clone --quiet --depth 1 "$GITHUB_SERVER_URL/$ENVIRONMENT_REPOSITORY" "$folder" >&2; then
    echo "--environment-repository=$folder"
  else
    echo "::notice title=plan::$ENVIRONMENT_REPOSITORY is not public: it is planned without it" >&2
  fi
}

if [[ -z $shards ]]; then
  echo "$everything"
  exit
fi
# What changed in the environment repository, its registry say, no commit here tells.
since=
[[ $GITHUB_EVENT_NAME != push ]] || since=$(last_rendered)
environments=$(environment_repository)
dirops plan ${environments:+"$environments"} ${since:+--changed-since "$since"} --shards "$shards" --format github-matrix
