#!/bin/sh
# Makes or mends an environment for `make`: `environment.sh run` (.venv, requirements.lock), `environment.sh dev` (.venv,
# requirements-dev.lock), and for the scanners, which never mix with the product: `environment.sh attack` (.venv-attack,
# requirements-attack.lock) and `environment.sh wapiti` (.venv-wapiti, requirements-wapiti.lock); `environment.sh sbom`
# (.venv-sbom, requirements-sbom.lock) for the bill of materials; `environment.sh oscal` (.venv-oscal, requirements-oscal.lock)
# for the second reader of our OSCAL documents.
#
# Invariant: ready-<kind> in an environment exists only while that holds all of that lock, for this Python, in this folder. It is
# removed before anything is changed and written after everything is done, so that a break half way leaves no stamp.
# A valid stamp costs one look (no network, about 20 ms).
set -eu
kind=$1
case $kind in
    run | dev) venv=.venv ;;
    *) venv=.venv-$kind ;;
esac
cd -- "$(dirname -- "$0")/.."
place=$(pwd -P)

say() { printf '%s\n' "$*" >&2; }

# What a stamp must say. The folder is part of it because a virtual environment holds its own absolute path.
stamp() { # stamp KIND
    case $1 in run) lock=requirements.lock ;; *) lock=requirements-$1.lock ;; esac
    printf 'folder %s\npython %s\n' "$place" "$("$venv/bin/python" -I -S -c 'import sys; print(*sys.version_info[:3])')"
    printf 'lock %s\nproject %s\n' "$(sha256sum <"$lock")" "$(sed -n '/^version = /{p;q;}' pyproject.toml)"
}

ready() { # ready KIND: does the stamp say so?
    [ -f "$venv/ready-$1" ] && [ "$(cat "$venv/ready-$1")" = "$(stamp "$1" 2>/dev/null)" ]
}

ready "$kind" && exit 0

# Two starts at once: the second waits, then finds the work done. The lock is on this file, so that it leaves nothing
# behind; it ends with this process, and so before the server starts.
exec 9<tools/environment.sh
if ! flock -n 9; then
    say "Another start is preparing an environment; waiting for it."
    flock 9
fi
ready "$kind" && exit 0

find_python() { # prints a Python that is new enough and can make environments
    seen="" lacking=""
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        version=$("$name" -I -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        if ! "$name" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            seen="$seen $version"
        elif "$name" -I -c 'import ensurepip, venv' 2>/dev/null; then
            command -v "$name"
            return
        else
            lacking=${lacking:-python$version-venv}
        fi
    done
    if [ -n "$lacking" ]; then
        say "Python is here, but cannot make virtual environments. Bring what it lacks with: apt-get install -y $lacking"
    else
        say "Python 3.11 or newer is needed (found:${seen:- none}). Bring it with: apt-get install -y python3 python3-venv"
    fi
    return 1
}

# May the environment be mended where it is? Only if it was complete once, in this folder, for this Python (3.x); a bugfix release
# of the system's Python then needs no network.
mendable() {
    now=$("$venv/bin/python" -I -S -c 'import sys; print(*sys.version_info[:2])' 2>/dev/null) || return 1
    for old in "$venv"/ready-*; do
        [ -f "$old" ] && grep -qxF "folder $place" "$old" && grep -q "^python $now " "$old" && return 0
    done
    return 1
}

pip_install() { "$venv/bin/python" -m pip install --quiet --no-user "$@"; }

# The person's own pip settings (index, proxy, certificates, cache) hold, but for those that would put files elsewhere
# or nowhere. Without a home there is no cache: pip would write one into the working folder.
unset PIP_TARGET PIP_PREFIX PIP_ROOT PIP_DRY_RUN PIP_REQUIRE_HASHES PYTHONHOME
export PIP_DISABLE_PIP_VERSION_CHECK=1
[ -n "${HOME:-}" ] || [ -n "${PIP_CACHE_DIR:-}" ] || export PIP_NO_CACHE_DIR=1

trap 'say "Stopped. The next start begins again."; exit 130' INT TERM
if mendable; then
    say "Bringing the environment in $venv up to date."
    rm -f "$venv"/ready-*
else
    python=$(find_python)
    say "Making the environment in $venv with $("$python" --version). This happens once and takes a minute or two."
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi

case $kind in
    run) kinds=run lock=requirements.lock ;;
    dev) kinds="run dev" lock=requirements-dev.lock ;; # the development lock holds all of the other, in the same versions
    *) kinds=$kind lock=requirements-$kind.lock ;;
esac
# Wheels only: building a source package would fetch its build tools without hashes.
wheels() { pip_install --require-hashes --only-binary :all: "$@" -r "$lock"; }

# Three libraries of wapiti come as source only: the build tools of its own lock go in first, with their hashes.
build_tools() {
    awk '/^[a-z]/ { wanted = /^(setuptools|wheel)==/ } wanted' "$lock" >"$venv/build-tools.lock" &&
        pip_install --require-hashes --only-binary :all: --no-deps -r "$venv/build-tools.lock"
}

fill() {
    case $kind in
        run | dev) wheels && pip_install --no-deps --no-build-isolation -e . ;;
        wapiti) build_tools && wheels --no-binary pyperclip,urwid-mitmproxy,yaswfp --no-build-isolation ;;
        *) wheels ;;
    esac
}

if ! fill; then
    say "The environment could not be made: pip's message stands above. Nothing else was changed; start again once it is mended."
    exit 1
fi
for each in $kinds; do
    stamp "$each" >"$venv/ready-$each.new"
    mv "$venv/ready-$each.new" "$venv/ready-$each"
done
