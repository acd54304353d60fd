#!/usr/bin/env bash
# Sets up a fresh machine for work on the extension: the toolchain, the tools, this machine's settings, and a first
# build that Python can import. Run again, it takes seconds and changes nothing. It writes only into this checkout, the
# caches of the tools, and rustup's own directories.
# Written by `cargo pyext init --with devcontainer`, which tells with `--check` whether it is current.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly OLDEST_CARGO=1.94 # reads .cargo/config.local.toml
readonly RUSTUP_INIT=https://sh.rustup.rs

# The step that is being done, for the message if it fails, and what helps then.
step='starting'
remedy='run it again with: bash -x scripts/dev-init.sh'
trap 'on_exit $?' EXIT

on_exit() {
  if [ "$1" != 0 ]; then
    printf 'dev-init: failed while %s\n  help: %s\n' "$step" "$remedy" >&2
  fi
}

# begin WHAT REMEDY: the following belongs to WHAT.
begin() {
  step=$1
  remedy=$2
  begun=$SECONDS
}

# done_with WHAT: what was done, and in how many seconds.
done_with() {
  printf 'dev-init: %s (%d s)\n' "$1" "$((SECONDS - begun))" >&2
}

have() { command -v "$1" >/dev/null 2>&1; }

# cargo_version: such as 1.95.0; nothing where there is no toolchain yet.
cargo_version() { cargo --version 2>/dev/null | cut -d ' ' -f 2; }

# is_older A B: whether version A is older than B.
is_older() { [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

toolchain() {
  begin 'installing the Rust toolchain' "install it yourself, from https://rustup.rs, and open a new shell"
  # rustup adds this directory to PATH for new shells; this one is older.
  PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
  if ! have rustup && ! have cargo; then
    curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location "$RUSTUP_INIT" \
      | sh -s -- -y --profile minimal --component clippy --component rustfmt --no-modify-path
  fi
  if [ -z "$(cargo_version)" ]; then
    rustup toolchain install stable --profile minimal --component clippy --component rustfmt
  fi
  version=$(cargo_version)
  if is_older "$version" "$OLDEST_CARGO"; then
    remedy="rustup update stable"
    printf 'dev-init: cargo %s is older than %s\n' "$version" "$OLDEST_CARGO" >&2
    return 1
  fi
  done_with "cargo $version"
}

# uv comes by pip. Only where there is no pip to be had does it come by its own installer.
package_manager() {
  begin 'looking for uv or pip' 'install uv yourself, from https://docs.astral.sh/uv, or pip: apt install python3-pip'
  PATH="$PATH:$HOME/.local/bin"
  local version=0.13.9
  if have uv; then
    return
  fi
  if python3 -m venv "$HOME/.local/share/uv-of-dev-init" >/dev/null 2>&1; then
    "$HOME/.local/share/uv-of-dev-init/bin/pip" install --quiet --no-deps --only-binary :all: "uv==$version"
    mkdir -p "$HOME/.local/bin"
    ln -sf "$HOME/.local/share/uv-of-dev-init/bin/uv" "$HOME/.local/bin/uv"
    done_with "uv $version"
    return
  fi
  curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location "https://astral.sh/uv/$version/install.sh" \
    | UV_NO_MODIFY_PATH=1 UV_INSTALL_DIR="$HOME/.local/bin" sh
  done_with "uv $version"
}

automation() {
  begin 'installing cargo-pyext' 'see above; or install it yourself: uv tool install cargo-pyext'
  PATH="$PATH:$(uv tool dir --bin)"
  uv tool install --quiet 'cargo-pyext==0.2.0'
  done_with 'cargo-pyext 0.2.0'
}

machine() {
  begin 'writing the settings of this machine' "see above; or go on without them: cargo pyext dev"
  cargo-pyext machine
  done_with 'the settings of this machine'
}

extension() {
  begin 'building the extension' "see above; then: cargo pyext dev"
  cargo-pyext dev --locked
  done_with 'the extension'
}

toolchain
package_manager
automation
machine
extension
printf 'dev-init: ready in %d s; after an edit in Rust: %s\n' "$SECONDS" "cargo pyext dev" >&2
