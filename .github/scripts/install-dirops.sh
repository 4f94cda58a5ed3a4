#!/usr/bin/env bash
# Puts dirops into PATH: install-dirops.sh [v1.2.3 | source]; by default the release of the version this repository is at.
#
# A released binary is compared with its checksum and, where `gh` is, with its provenance: that this repository's release
# workflow built it, from that tag. DIROPS_RELEASES names a mirror of the releases, https: or file:.
set -euo pipefail

repository=agntcy/dirops
releases=${DIROPS_RELEASES:-https://github.com/$repository/releases/download}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=$RUNNER_TEMP/dirops/bin

fail() {
  echo "::error title=dirops::$1" >&2
  exit 1
}

# Prints the tag of the version in Cargo.toml.
own_release() {
  sed -n 's/^version = "\(.*\)"$/v\1/p' "$root/Cargo.toml" | head -n 1
}

# Prints the name of the binary for this runner.
binary() {
  case "$RUNNER_OS/$RUNNER_ARCH" in
    Linux/X64) echo dirops-x86_64-unknown-linux-musl ;;
    Linux/ARM64) echo dirops-aarch64-unknown-linux-musl ;;
    macOS/X64) echo dirops-x86_64-apple-darwin ;;
    macOS/ARM64) echo dirops-aarch64-apple-darwin ;;
    Windows/X64) echo dirops-x86_64-pc-windows-msvc.exe ;;
    *) fail "there is no release for $RUNNER_OS on $RUNNER_ARCH; use 'version: source'" ;;
  esac
}

download() {
  curl --fail --silent --show-error --location --retry 5 --max-time 300 \
    --proto '=https,file' --proto-redir '=https' --output "$2" "$1" ||
    fail "$1 cannot be downloaded; name a release that exists, or use 'version: source'"
}

# Fails unless the file is the one that SHA256SUMS names, once and as a digest.
verify_checksum() {
  local expected actual
  expected=$(awk -v name="$1" '$2 == name || $2 == "*" name { print tolower($1) }' SHA256SUMS)
  [[ $expected =~ ^[0-9a-f]{64}$ ]] || fail "SHA256SUMS does not name $1 once"
  if command -v sha256sum >/dev/null; then actual=$(sha256sum <"$1"); else actual=$(shasum -a 256 <"$1"); fi
  [[ ${actual%% *} == "$expected" ]] || fail "$1 is not what was released: its checksum is ${actual%% *}, not $expected"
}

# The tag is named, too: a binary of an older release, with faults that are known, is genuine as well.
verify_provenance() {
  if ! command -v gh >/dev/null; then
    echo "::notice title=dirops::the provenance of $1 is not verified, for gh is not installed; its checksum is right"
    return
  fi
  GH_HOST=github.com gh attestation verify "$1" --repo "$repository" --deny-self-hosted-runners \
    --signer-workflow "$repository/.github/workflows/release.yml" --source-ref "refs/tags/$2" ||
    fail "nothing proves that $1 is from $repository at $2"
}

install_release() {
  local name installed=$folder/dirops
  name=$(binary)
  [[ $name != *.exe ]] || installed+=.exe
  cd "$(mktemp -d "$RUNNER_TEMP/dirops-download.XXXXXX")"
  download "$releases/$1/SHA256SUMS" SHA256SUMS
  download "$releases/$1/$name" "$name"
  verify_checksum "$name"
  verify_provenance "$name" "$1"
  mkdir -p "$folder"
  mv "$name" "$installed"
  chmod 755 "$installed"
}

build() {
  command -v cargo >/dev/null || fail "'version: source' needs Rust: install it, or name a release"
  cargo install --locked --force --path "$root" --root "${folder%/bin}"
}

version=${1:-$(own_release)}
if [[ $version == source ]]; then
  build
elif [[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]]; then
  install_release "$version"
else
  fail "'version' is neither a release, such as v1.2.3, nor 'source'"
fi
echo "$folder" >>"$GITHUB_PATH"
echo "version=$("$folder/dirops" --version | awk '{ print $2 }')" >>"$GITHUB_OUTPUT"
