#!/usr/bin/env bash
# Makes the certificates that rcgen cannot make, for tests alone: their keys are thrown away.
# Trust domain partner.example.net, from 2026-01-01 to 2126-01-01.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# certificate NAME DIGEST EXTENSIONS KEY-ARGUMENTS…
certificate() {
  local name=$1 digest=$2 extensions=$3
  shift 3
  openssl genpkey "$@" -out "$work/key.pem" 2>/dev/null
  openssl req -new -key "$work/key.pem" -subj "/O=Test of dirops/CN=$name" -out "$work/request.pem"
  rm -f "$work"/index.txt*
  touch "$work/index.txt"
  cat >"$work/ca.cnf" <<END
[ca]
default_ca = test
[test]
database = $work/index.txt
new_certs_dir = $work
rand_serial = yes
policy = any
unique_subject = no
${extensions:+x509_extensions = authority}
[any]
organizationName = optional
commonName = supplied
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectAltName = URI:spiffe://partner.example.net
END
  openssl ca -batch -selfsign -config "$work/ca.cnf" -keyfile "$work/key.pem" -in "$work/request.pem" -md "$digest" \
    -startdate 20260101000000Z -enddate 21260101000000Z -notext -out "$name.pem" 2>/dev/null
}

p256=(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)
certificate rsa-2048 sha256 yes -algorithm RSA -pkeyopt rsa_keygen_bits:2048
certificate rsa-1024 sha256 yes -algorithm RSA -pkeyopt rsa_keygen_bits:1024
certificate rsa-sha1 sha1 yes -algorithm RSA -pkeyopt rsa_keygen_bits:2048
certificate rsa-md5 md5 yes -algorithm RSA -pkeyopt rsa_keygen_bits:2048
certificate ec-sha1 sha1 yes "${p256[@]}"
certificate ec-p521 sha512 yes -algorithm EC -pkeyopt ec_paramgen_curve:P-521
certificate ec-secp256k1 sha256 yes -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1
certificate ec-explicit sha256 yes "${p256[@]}" -pkeyopt ec_param_enc:explicit
certificate version-1 sha256 "" "${p256[@]}"
