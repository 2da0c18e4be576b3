#!/usr/bin/env bash
# Become the interpreter of one action. Every process from here on keeps the same id: a cancelled job signals the
# step's first process alone.
set -eu
names=(python3 python)
[ "${RUNNER_OS-}" != Windows ] || names=(python python3) # python3 may be the Store's stand-in there
[ -z "${CI_OPS_PYTHON-}" ] || names=("$CI_OPS_PYTHON")

candidates() {
  type -aP -- "${names[@]}" || true
  [ -z "${CI_OPS_PYTHON-}" ] || return 0
  printf '%s\n' "${RUNNER_TOOL_CACHE:-/nonexistent}"/Python/3.*/*/{bin/python3,python.exe}
}

# A version manager's stand-in is a script, the Store's lies in WindowsApps, and `python` may be Python 2. Nothing else
# is tried out: that would cost each start the time of one more.
works() {
  local head=''
  [ -x "$1" ] || return 1
  read -r -n 2 head <"$1" 2>/dev/null || true
  case ${RUNNER_OS-}:$head:$1 in
    *:'#!':* | Windows:*/WindowsApps/* | [!W]*:*/python | :*/python) "$1" -I -S -c '' >/dev/null 2>&1 ;;
  esac
}

tried=''
while IFS= read -r candidate <&3; do
  case ${CI_OPS_PYTHON:+named}:$candidate in
    named:* | :/*) ;;
    *) continue ;; # a relative folder of PATH is the workspace's
  esac
  if works "$candidate"; then
    exec "$candidate" -I -X utf8 "${BASH_SOURCE[0]%/*}/bootstrap.py" "$@" 3<&-
  fi
  [ ! -e "$candidate" ] || tried+=", $candidate"
done 3< <(candidates)

printf 'status=error\nreason=setup-failed\n' >>"${GITHUB_OUTPUT:-/dev/null}" || true
what='There is no Python on this runner'
[ -z "${CI_OPS_PYTHON-}" ] || what="There is no interpreter called $CI_OPS_PYTHON"
[ -z "$tried" ] || what="No Python on this runner can be started (tried ${tried#, })"
sentence="$what. Install 3.11 or newer, set a version for this folder, or name an interpreter with the input python."
sentence=${sentence//'%'/%25}
sentence=${sentence//$'\r'/%0D}
echo "::error title=ci-ops set-up failed::${sentence//$'\n'/%0A}" >&2
exit 69 # EX_UNAVAILABLE of sysexits.h, as bootstrap.py says it
