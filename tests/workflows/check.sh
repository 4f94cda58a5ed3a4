#!/usr/bin/env bash
# Checks the workflows: zizmor, actionlint and shellcheck find nothing, facts.py holds, and scripts.sh passes.
#
# Installs what it needs, in versions that are named here, into a cache folder. What cannot be installed is told, and the
# rest is checked; on GitHub it fails. DIROPS names the dirops that the scripts are tested with, too.
set -euo pipefail
cd "$(dirname "$0")/../.."

zizmor=1.32.0
pyyaml=6.0.3
actionlint=1.7.12
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dirops/workflows-$zizmor-$pyyaml-$actionlint
mkdir -p "$cache"

# Says what is not checked, and why.
skip() {
  echo "not checked: $1"
  [[ -z ${GITHUB_ACTIONS:-} ]]
}

python() { "$cache/python/bin/python" "$@"; }

install_python() {
  [[ -f $cache/python/complete ]] && return
  python3 -m venv --clear "$cache/python" &&
    python -m pip install --quiet --disable-pip-version-check "zizmor==$zizmor" "pyyaml==$pyyaml" &&
    touch "$cache/python/complete"
}

install_actionlint() {
  [[ -x $cache/actionlint ]] || GOBIN=$cache go install "github.com/rhysd/actionlint/cmd/actionlint@v$actionlint"
}

if install_python; then
  # Offline: the same on every machine and every day.
  "$cache/python/bin/zizmor" --offline --quiet --no-progress --persona auditor --strict-collection .
  python tests/workflows/facts.py
else
  skip "zizmor and facts.py, for Python packages cannot be installed"
fi

command -v shellcheck >/dev/null || skip "shell scripts, for there is no shellcheck"
if install_actionlint; then
  # It does not know yet that `$/` is this repository, at the commit that runs.
  "$cache/actionlint" -ignore 'specifying action "\$/'
else
  skip "actionlint, for it cannot be installed"
fi
if command -v shellcheck >/dev/null; then
  shellcheck .github/scripts/*.sh tests/workflows/*.sh tests/workflows/stand-ins/dirops
fi

if command -v jq >/dev/null && command -v zip >/dev/null && command -v unzip >/dev/null; then
  bash tests/workflows/scripts.sh
else
  skip "what the scripts do, for jq, zip or unzip is missing"
fi
