#!/usr/bin/env bash
# Tests the scripts of the workflows: on real files, archives and Git repositories, with stand-ins for gh and dirops.
#
# DIROPS names the real dirops, for what has to be true of that, too.
# shellcheck disable=SC2016 # much here is about what must not be expanded
set -euo pipefail
cd "$(dirname "$0")/../.."

root=$PWD
scripts=$root/.github/scripts
all=$(mktemp -d)
trap 'rm -rf "$all"' EXIT
export PATH="$root/tests/workflows/stand-ins:$PATH"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
passed=0
[[ -z ${DIROPS:-} ]] || DIROPS=$(realpath "$DIROPS")

# Begins a test, with an empty folder and a runner's environment.
test_that() {
  title=$1
  work=$(mktemp -d "$all/test.XXXXXX")
  cd "$work"
  export GH_STATE=$work/gh DIROPS_CALLS=$work/dirops-calls RUNNER_TEMP=$work/temp
  export GITHUB_OUTPUT=$work/output GITHUB_PATH=$work/path GITHUB_STEP_SUMMARY=$work/summary
  export GITHUB_REPOSITORY=agntcy/dirops GITHUB_REF_NAME=main GITHUB_EVENT_NAME=push
  mkdir "$GH_STATE" "$RUNNER_TEMP"
  touch "$DIROPS_CALLS" "$GITHUB_OUTPUT" "$GITHUB_PATH" "$GITHUB_STEP_SUMMARY" "$GH_STATE/calls.jsonl"
}

# Runs a command that must end with an exit code; its output is in `out`.
exits() {
  local expected=$1 actual=0
  "${@:2}" >out 2>&1 || actual=$?
  [[ $actual == "$expected" ]] || wrong "exit code $actual, not $expected"
  passed=$((passed + 1))
}

says() { grep -qF -- "$1" "${2:-out}" || wrong "\"$1\" is not in ${2:-the output}"; }
says_not() { ! grep -qF -- "$1" "${2:-out}" || wrong "\"$1\" is in ${2:-the output}"; }
is() { [[ $1 == "$2" ]] || wrong "\"$1\" is not \"$2\""; }

wrong() {
  printf 'wrong: %s: %s\n' "$title" "$1" >&2
  [[ ! -f out ]] || sed 's/^/  | /' out >&2
  exit 1
}

# --- comment-review.sh

sha=1111111111111111111111111111111111111111
other=2222222222222222222222222222222222222222

pull() { # NUMBER SHA [OWNER] [BASE]
  jq -nc --argjson number "$1" --arg sha "$2" --arg owner "${3:-partner}" --arg base "${4:-main}" \
    '{number: $number, state: "open", base: {ref: $base}, head: {sha: $sha, ref: "change", user: {login: $owner}}}'
}

a_run() {
  export RUN_ID=7 HEAD_SHA=$sha HEAD_OWNER=partner HEAD_BRANCH=change BASE_BRANCH=main RUN_URL=https://example.org/runs/7
  echo "[[$(pull 5 $sha)]]" >"$GH_STATE/pulls.json"
}

# Packs files as the run's artifact.
artifact() { # FILE…
  rm -f "$GH_STATE/artifact-3.zip"
  zip -q --symlinks "$GH_STATE/artifact-3.zip" "$@"
  echo '[{"id": 3, "name": "dirops-review", "expired": false, "size_in_bytes": 1000}]' >"$GH_STATE/artifacts.json"
}

a_review() {
  printf '%s\n## What changes\n\n%s\n' '<!-- dirops-review -->' "${1:-nothing}" >review.md
  artifact review.md
}

comments() { jq -r "$1" "$GH_STATE/comments.json"; }
posted_nothing() { ! grep -qE '"(POST|PATCH)"' "$GH_STATE/calls.jsonl" || wrong "it wrote to GitHub"; }
comment() { exits "$1" bash "$scripts/comment-review.sh"; }

test_that "a review becomes a comment, and the next one replaces it"
a_run
a_review 'one `$(touch pwned)` "quoted" \n'
comment 0
is "$(comments length)" 1
is "$(comments '.[0].issue')" 5
comments '.[0].body' >body && says 'one `$(touch pwned)` "quoted" \n' body && says "$sha" body && says "/runs/7" body
is "$(head -n 1 body)" '<!-- dirops-review -->'
is "$(grep -cF '<!-- dirops-review -->' body)" 1
a_review two
comment 0
is "$(comments length)" 1
comments '.[0].body' >body && says two body && says_not one body

test_that "the one comment is found on any page, and nobody else's copy of the mark is taken for it"
a_run
a_review
jq -n '[range(7) | {id: ., issue: 5, user: {login: "somebody"}, body: "<!-- dirops-review -->\nours?"}]
  + [{id: 50, issue: 5, user: {login: "github-actions[bot]"}, body: "hello <!-- dirops-review -->"},
     {id: 51, issue: 5, user: {login: "github-actions[bot]"}, body: "<!-- dirops-review -->\nold"}]' >"$GH_STATE/comments.json"
comment 0
is "$(comments length)" 9
is "$(comments '[.[] | select(.body | contains("What changes")) | .id] == [51]')" true

test_that "the pull request is GitHub's word: nothing in the artifact names another"
a_run
echo 99 >number
echo 99 >pr_number
printf '<!-- dirops-review -->\npull request 99\n' >review.md
artifact number pr_number review.md
comment 0
is "$(comments '.[0].issue')" 5

test_that "of another fork with a branch of the same name, another base, or another commit, no pull request is taken"
for pulls in "$(pull 6 $sha someone)" "$(pull 6 $sha partner release)" "$(pull 6 $other)" ""; do
  a_run
  a_review
  echo "[[$pulls]]" >"$GH_STATE/pulls.json"
  comment 0
  says "closed, or has newer commits"
  posted_nothing
done

test_that "a commit that is pushed meanwhile gets its own run's review"
a_run
a_review
echo "[[$(pull 5 $sha)], [$(pull 5 $other)]]" >"$GH_STATE/pulls.json"
comment 0
says "meanwhile"
posted_nothing

test_that "a branch may be called anything"
a_run
a_review
export HEAD_BRANCH='a&base=x;$(touch pwned)`id` --method=DELETE'
jq -c --arg branch "$HEAD_BRANCH" '.[0][0].head.ref = $branch' "$GH_STATE/pulls.json" >p && mv p "$GH_STATE/pulls.json"
comment 0
is "$(comments '.[0].issue')" 5
[[ ! -e pwned ]] || wrong "it ran the branch"

test_that "without a fork, an artifact or a whole event there is nothing to do"
a_run
HEAD_OWNER='' comment 0 && says "fork is gone"
comment 0 && says "left no review"
echo '[{"id": 3, "name": "dirops-review", "expired": true, "size_in_bytes": 1}]' >"$GH_STATE/artifacts.json"
comment 0 && says "left no review"
HEAD_SHA=main comment 1
RUN_ID=7/../8 comment 1
posted_nothing

test_that "an artifact that is said to be too large is not downloaded"
a_run
a_review
jq '.[0].size_in_bytes = 999999999' "$GH_STATE/artifacts.json" >a && mv a "$GH_STATE/artifacts.json"
comment 1
says "too large"
says_not /zip "$GH_STATE/calls.jsonl"
posted_nothing

test_that "a review of exactly the longest length is posted, and one character more is not"
for length in 65000 65001; do
  a_run
  { echo '<!-- dirops-review -->' && head -c $((length - 23)) /dev/zero | tr '\0' 'x'; } >review.md
  artifact review.md
  if ((length == 65000)); then comment 0; else rm -f "$GH_STATE/comments.json" "$GH_STATE/calls.jsonl" && comment 1; fi
done
says "too long"
posted_nothing

test_that "a bomb is cut off"
a_run
{ echo '<!-- dirops-review -->' && head -c 300000000 /dev/zero; } >review.md
artifact review.md
rm review.md
exits 1 timeout 20 bash "$scripts/comment-review.sh"
says "too long"
posted_nothing

test_that "a symbolic link is text, and not followed"
a_run
{ echo '<!-- dirops-review -->' && echo "the runner's secret"; } >secret
ln -s "$work/secret" review.md
artifact review.md
comment 1
says "no review"
posted_nothing

test_that "no member of the archive is written, wherever it says that it belongs"
a_run
printf '<!-- dirops-review -->\nfine\n' >review.md
python3 - "$GH_STATE/artifact-3.zip" <<'PYTHON'
import sys, zipfile

with zipfile.ZipFile(sys.argv[1], "w") as archive:
    archive.write("review.md")
    for name in ("../../escaped", "/tmp/dirops-escaped", "review.md/../../escaped", "*.md", "x" * 60000):
        archive.writestr(name, "escaped")
PYTHON
echo '[{"id": 3, "name": "dirops-review", "expired": false, "size_in_bytes": 1}]' >"$GH_STATE/artifacts.json"
comment 0
comments '.[0].body' >body && says fine body && says_not escaped body
[[ ! -e $all/escaped && ! -e /tmp/dirops-escaped ]] || wrong "it unpacked"

test_that "what is no archive, has no review, no mark, or no text is refused"
for hostile in 'echo no-archive >"$GH_STATE/artifact-3.zip"' 'echo x >other && zip -q "$GH_STATE/artifact-3.zip" other' \
  'echo "## mine" >review.md && zip -q "$GH_STATE/artifact-3.zip" review.md' \
  'printf "<!-- dirops-review -->\r\nmine" >review.md && zip -q "$GH_STATE/artifact-3.zip" review.md' \
  'printf "<!-- dirops-review -->\n\377\376" >review.md && zip -q "$GH_STATE/artifact-3.zip" review.md' \
  'printf "<!-- dirops-review -->\nx" >review.md && zip -q -P secret "$GH_STATE/artifact-3.zip" review.md'; do
  a_run
  a_review
  rm "$GH_STATE/artifact-3.zip" review.md
  eval "$hostile"
  comment 1
  posted_nothing
done

# --- install-dirops.sh

# Makes a mirror of releases with one for this runner.
a_release() {
  export RUNNER_OS=Linux RUNNER_ARCH=X64 DIROPS_RELEASES=file://$work/releases
  binary=dirops-x86_64-unknown-linux-musl
  release=$work/releases/v1.2.3
  mkdir -p "$release"
  printf '#!/bin/sh\necho dirops 1.2.3\n' >"$release/$binary"
  printf 'another\n' >"$release/dirops-aarch64-apple-darwin"
  (cd "$release" && sha256sum dirops-* >SHA256SUMS)
}

install() { exits "$1" bash "$scripts/install-dirops.sh" "${@:2}"; }
installed_nothing() { [[ ! -s $GITHUB_PATH && ! -s $GITHUB_OUTPUT && ! -e $RUNNER_TEMP/dirops/bin/dirops ]] || wrong "it installed"; }

test_that "a release is put into PATH when checksum and provenance are right"
a_release
install 0 v1.2.3
is "$(cat "$GITHUB_PATH")" "$RUNNER_TEMP/dirops/bin"
is "$(cat "$GITHUB_OUTPUT")" version=1.2.3
is "$("$(cat "$GITHUB_PATH")/dirops")" "dirops 1.2.3"
says '"--source-ref", "refs/tags/v1.2.3"' "$GH_STATE/calls.jsonl"
says '"agntcy/dirops/.github/workflows/release.yml"' "$GH_STATE/calls.jsonl"

test_that "by default it is the release of this version"
a_release
version=v$(cargo metadata --manifest-path "$root/Cargo.toml" --no-deps --format-version 1 | jq -r '.packages[0].version')
mv "$release" "$work/releases/$version"
install 0
says "refs/tags/$version" "$GH_STATE/calls.jsonl"

test_that "a binary that was changed, one without a checksum, and one with two are refused"
a_release
echo tampered >>"$release/$binary"
install 1 v1.2.3 && says "is not what was released" && installed_nothing
a_release
sed -i "/$binary/d" "$release/SHA256SUMS"
install 1 v1.2.3 && says "does not name $binary once" && installed_nothing
a_release
sed -i "/$binary/{p;s/^../00/}" "$release/SHA256SUMS"
install 1 v1.2.3 && says "does not name $binary once" && installed_nothing
a_release
sed -i "s/^.*  $binary/-  $binary/" "$release/SHA256SUMS"
install 1 v1.2.3 && installed_nothing

test_that "a binary without proof is refused where gh is, and told of where it is not"
a_release
GH_ATTESTATION=1 install 1 v1.2.3 && says "nothing proves" && installed_nothing
mkdir tools
for tool in bash sh awk sed head mktemp curl sha256sum mkdir mv chmod dirname cat grep; do ln -s "$(command -v $tool)" tools/; done
PATH=$work/tools install 0 v1.2.3 && says "not verified"

test_that "runners without a release, and versions that are none, are told the way out"
a_release
RUNNER_ARCH=RISCV64 install 1 v1.2.3 && says "version: source"
install 1 v9.9.9 && says "cannot be downloaded"
for version in main latest 1.2.3 v1.2.3/../v1.2.4 'v1.2.3 --x' $'v1.2.3\n::set-env'; do
  install 1 "$version" && says "neither a release" && installed_nothing
done

test_that "each runner that has a release gets its own binary, as release.yml builds them"
a_release
for runner in Linux/X64 Linux/ARM64 macOS/X64 macOS/ARM64 Windows/X64; do
  rm -rf "$release" && mkdir "$release"
  RUNNER_OS=${runner%/*} RUNNER_ARCH=${runner#*/} install 1 v1.2.3
  : >"$release/SHA256SUMS"
  RUNNER_OS=${runner%/*} RUNNER_ARCH=${runner#*/} install 1 v1.2.3
  asked=$(grep -o 'dirops-[a-z0-9_-]*\(.exe\)\?' out | grep -v '^dirops-download' | head -n 1)
  grep -qF "target: $(basename "${asked#dirops-}" .exe)," "$root/.github/workflows/release.yml" || wrong "$asked is not built"
done

# --- write-review.sh

test_that "a review is written in three formats, and shown in the summary"
exits 0 bash "$scripts/write-review.sh" HEAD^1 HEAD review
is "$(cd review && echo *)" "review.html review.json review.md"
says "a review" summary
says "diff HEAD^1 HEAD --format html" "$DIROPS_CALLS"

test_that "what could not be compared is told, and the review is there all the same"
DIROPS_EXIT=2 exits 2 bash "$scripts/write-review.sh" HEAD^1 HEAD review
says "exit code 2"
says "a review" review/review.md
says "a review" summary

# --- take-onboarding.sh

# Makes a base, a pull request's merge into it as a shallow clone, and the base's checkout beside that.
a_pull_request() { # COMMAND that changes the files
  git init -q -b main origin
  git -C origin config user.name somebody
  git -C origin config user.email somebody@example.org
  cp -r "$root/base" "$root/overlays" "$root/onboarding" origin/
  git -C origin add -A
  git -C origin commit -qm base
  git -C origin checkout -qb change
  (cd origin && eval "$1")
  git -C origin add -A 2>/dev/null
  git -C origin commit -qm change
  git -C origin checkout -q main 2>/dev/null
  git -C origin merge -q --no-ff -m merge change
  git clone -q --depth 2 "file://$work/origin" merge
  git -C merge -c core.hooksPath=/dev/null worktree add -q --detach ../base HEAD^1
}

take() { exits "$1" bash "$scripts/take-onboarding.sh" base "$(git -C merge rev-parse HEAD)"; }
changed() { git -C base status --short --untracked-files=all; }

test_that "of a pull request only the federation files are taken, added, changed and removed"
a_pull_request 'echo x >onboarding/federation/new.yaml; echo y >>onboarding/federation/prod.ads.outshift.io.yaml
  rm onboarding/federation/dev.ads.outshift.io.yaml; echo evil >>base/environment.yaml; mkdir .github; echo evil >.github/x'
take 0
is "$(changed | tr '\n' ';')" " D onboarding/federation/dev.ads.outshift.io.yaml; M onboarding/federation/prod.ads.outshift.io.yaml;?? onboarding/federation/new.yaml;"

test_that "links, programs and submodules are refused"
for entry in 'ln -s /etc/passwd onboarding/federation/x.yaml' 'ln -s ../../base onboarding/more' \
  'cp onboarding/federation/prod.ads.outshift.io.yaml onboarding/x.yaml; chmod +x onboarding/x.yaml' \
  'git config advice.addEmbeddedRepo false; git init -q onboarding/module; git -C onboarding/module -c user.name=x -c user.email=x commit -q --allow-empty -m x'; do
  rm -rf origin merge base
  a_pull_request "$entry"
  take 1
  says "only plain files"
  is "$(changed)" ""
done

test_that "a pull request may remove everything"
a_pull_request 'git rm -rq onboarding'
take 0
[[ ! -e base/onboarding ]] || wrong "it is still there"

# --- plan-render.sh, propose-shard.sh

a_history() {
  git init -q -b main .
  git config user.name somebody
  git config user.email somebody@example.org
  git commit -q --allow-empty -m one
  first=$(git rev-parse HEAD)
  git commit -q --allow-empty -m two
  git init -q --bare server/agntcy/dir-staging
  export GITHUB_SERVER_URL=file://$work/server ENVIRONMENT_REPOSITORY=agntcy/dir-staging
}

# What `dirops plan` was asked last, without the environment repository.
planned() { tail -n 1 "$DIROPS_CALLS" | sed "s|--environment-repository=$RUNNER_TEMP/environment-repository ||"; }

plan() {
  rm -rf "$RUNNER_TEMP/environment-repository"
  exits 0 bash "$scripts/plan-render.sh" "$@"
}

test_that "without shards one job proposes everything"
plan ""
is "$(cat out)" '{"include":[{"shard":0,"environments":"","prune":true}]}'
is "$(cat "$DIROPS_CALLS")" ""

test_that "what changed since the last success is planned, and everything where that is unknown, rewritten, or not all"
a_history
echo "[{\"head_sha\": \"$first\"}, {\"head_sha\": \"$other\"}]" >"$GH_STATE/runs.json"
plan 8
says '"environments":"a b"'
is "$(planned)" "plan --changed-since $first --shards 8 --format github-matrix"
GITHUB_EVENT_NAME=schedule plan 8
is "$(planned)" "plan --shards 8 --format github-matrix"
for runs in '[]' "[{\"head_sha\": \"$other\"}]" '[{"head_sha": "--help"}]'; do
  echo "$runs" >"$GH_STATE/runs.json"
  plan 8
  is "$(planned)" "plan --shards 8 --format github-matrix"
done

test_that "the environment repository is read where it can be"
a_history
plan 8
says "--environment-repository=$RUNNER_TEMP/environment-repository" "$DIROPS_CALLS"
ENVIRONMENT_REPOSITORY=agntcy/private plan 8
says "not public"
is "$(tail -n 1 "$DIROPS_CALLS")" "plan --shards 8 --format github-matrix"

test_that "each environment of a shard is proposed, and one that fails does not keep the others back"
DIROPS_FAIL="a c" exits 1 bash "$scripts/propose-shard.sh" agntcy/dir-staging "a b c" false
is "$(tr '\n' ';' <"$DIROPS_CALLS")" "propose --repo agntcy/dir-staging a;propose --repo agntcy/dir-staging b;propose --repo agntcy/dir-staging c;"

test_that "where an environment is gone, or none is named, all are proposed together"
exits 0 bash "$scripts/propose-shard.sh" agntcy/dir-staging "a b" true
exits 0 bash "$scripts/propose-shard.sh" agntcy/dir-staging "" false
is "$(sort -u "$DIROPS_CALLS")" "propose --repo agntcy/dir-staging"

# --- build-release.sh, publish-release.sh

test_that "a tag that is not the version is not built"
cp "$root/Cargo.toml" .
exits 1 bash "$scripts/build-release.sh" x86_64-unknown-linux-musl v99.0.0
says "Cargo.toml has version"

test_that "a release is published when every file is there, and a run that broke off is finished by the next"
mkdir dist && touch dist/dirops-a dist/SHA256SUMS
GH_FAIL_UPLOAD=1 exits 1 bash "$scripts/publish-release.sh" v1.2.3 dist
is "$(jq .draft "$GH_STATE/release.json")" true
exits 0 bash "$scripts/publish-release.sh" v1.2.3 dist
is "$(jq -c . "$GH_STATE/release.json")" '{"tag":"v1.2.3","draft":false,"prerelease":false,"files":["SHA256SUMS","dirops-a"]}'
exits 1 bash "$scripts/publish-release.sh" v1.2.3 dist
says "published already"

# --- the action's own words

test_that "arguments are words: nothing in them is expanded"
python3 - "$root/.github/actions/dirops/action.yml" >run.sh <<'PYTHON'
import sys

text = open(sys.argv[1]).read()
print("set -euo pipefail")
print(text[text.rindex("      run: |\n") + len("      run: |\n") :])
PYTHON
ARGUMENTS=$'check  --format github\n  * $(touch pwned) `id` "a b"\n' exits 0 bash run.sh
is "$(cat "$DIROPS_CALLS")" 'check --format github * $(touch pwned) `id` "a b"'

# --- with the real dirops

if [[ -n ${DIROPS:-} ]]; then
  test_that "a partner's faults are told by the base branch's rules, though the pull request breaks those"
  a_pull_request 'printf "trustDomain: partner.io\n" >onboarding/federation/partner.io.yaml; echo "evil: 1" >>base/environment.yaml'
  take 0
  exits 1 env -C base "$DIROPS" check --changed-since HEAD --format github
  says "::error file=onboarding/federation/partner.io.yaml"
  says_not evil
  exits 2 env -C merge "$DIROPS" check --changed-since HEAD^1 --format github

  test_that "a pull request's merge is reviewed from a clone of two commits"
  a_pull_request 'sed -i "s/^description:.*/description: changed/" overlays/prod/environment.yaml'
  exits 0 env -C merge "$DIROPS" check --changed-since HEAD^1 --format sarif
  exits 0 env -C merge "$DIROPS" diff HEAD^1 HEAD --format json
  says '"complete": true'
  mkdir bin && ln -s "$DIROPS" bin/dirops
  exits 0 env -C merge PATH="$work/bin:$PATH" bash "$scripts/write-review.sh" HEAD^1 HEAD "$work/review"
  is "$(head -n 1 review/review.md)" '<!-- dirops-review -->'

  test_that "the environments that a push touches are shared out, and what is proposed is among them"
  a_pull_request 'sed -i "s/^description:.*/description: changed/" overlays/prod/environment.yaml'
  git -C merge fetch -q --unshallow
  mkdir bin && ln -s "$DIROPS" bin/dirops
  git init -q --bare server/agntcy/dir-staging
  export GITHUB_SERVER_URL=file://$work/server ENVIRONMENT_REPOSITORY=agntcy/dir-staging
  echo "[{\"head_sha\": \"$(git -C merge rev-parse HEAD^1)\"}]" >"$GH_STATE/runs.json"
  exits 0 env -C merge PATH="$work/bin:$PATH" bash "$scripts/plan-render.sh" 8
  is "$(tail -n 1 out | jq -c '[.include[].environments]')" '["prod"]'
else
  echo "DIROPS names no dirops: what has to be true of the real one was not tested"
fi

echo "$passed runs of scripts did what they should"
