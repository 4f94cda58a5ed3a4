#!/usr/bin/env bash
# Builds the binary that is released for a target, into dist/: build-release.sh TARGET [TAG]
#
# On a runner of the target's own kind: the C code of libgit2, ring and mimalloc is compiled for it as it is.
set -euo pipefail

target=$1 tag=${2:-}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
if [[ -n $tag && $tag != "v$version" ]]; then
  echo "::error title=release::the tag is $tag, and Cargo.toml has version $version" >&2
  exit 1
fi

binary=dirops
case $target in
  *-linux-musl)
    # musl's own compiler, by the name it has on every architecture.
    export "CC_${target//-/_}=musl-gcc"
    ;;
  *-apple-darwin) export MACOSX_DEPLOYMENT_TARGET=11.0 ;;
  *-windows-msvc)
    export RUSTFLAGS="-C target-feature=+crt-static"
    binary=dirops.exe
    ;;
esac
rustup target add "$target"
cargo build --release --locked --target "$target"
built=target/$target/release/$binary

# What is said to be static is; and what is released runs.
if [[ $target == *-linux-musl ]] && readelf --program-headers "$built" | grep -q INTERP; then
  echo "::error title=release::$built is not static" >&2
  exit 1
fi
[[ $("$built" --version) == "dirops $version" ]]
"$built" check
mkdir -p dist
cp "$built" "dist/dirops-$target${binary#dirops}"
