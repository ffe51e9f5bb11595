#!/usr/bin/env bash
# Does the core work on Python 3.11 to 3.14 with the newest versions of what rogi needs, and on the oldest Python with
# the lowest ones? (Wheels of these are not made for later Pythons.)
# `tools/test_matrix.sh [FOLDER]`; environments are made in FOLDER by uv, which is installed there if need be.
set -uo pipefail
cd "$(dirname "$0")/.."
root="$PWD"
folder="${1:-.venv-matrix}"
mkdir -p "$folder"
folder="$(cd "$folder" && pwd)"
uv="$(command -v uv || echo "$folder/uv/bin/uv")"
if [ ! -x "$uv" ]; then
  "${PYTHON:-python3}" -m venv "$folder/uv" && "$folder/uv/bin/pip" install --quiet --disable-pip-version-check uv || exit 2
fi

# What a user does first. `doctor` imports every library, and holds its version against the declared ones.
trial() {
  local rogi="$1/bin/rogi" work
  work="$(mktemp -d)" || return 1
  (
    set -e
    cd "$work"
    "$rogi" --help > /dev/null
    "$rogi" doctor --quiet > doctor.txt || { cat doctor.txt; exit 1; }
    "$rogi" synthetic inventory --count 200 --seed 1 --defects all -o a.gpkg > /dev/null
    "$rogi" synthetic inventory --count 200 --seed 2 -o b.gpkg > /dev/null
    "$rogi" validate a.gpkg --fail-on never -o a.json -o a.html --quiet > /dev/null
    "$rogi" validate b.gpkg --fail-on error --quiet > /dev/null
    "$rogi" compare a.gpkg b.gpkg -o c.json -o c.html --quiet > /dev/null
    "$rogi" convert a.gpkg -o d.gpkg --to-schema rgik > /dev/null
    "$rogi" stats b.gpkg > /dev/null
    "$rogi" init repository -i b.gpkg --quiet > /dev/null
  )
  local code=$?
  rm -rf "$work"
  return $code
}

failed=0
oldest=3.11
for python in ${PYTHONS:-3.11 3.12 3.13 3.14}; do
  for versions in lowest-direct highest; do
    if [ "$versions" = lowest-direct ] && [ "$python" != "$oldest" ]; then continue; fi
    place="$folder/$python-$versions"
    if ! "$uv" venv --quiet --clear --python "$python" "$place" 2> "$place.log"; then
      echo "$python $versions: not tried, this Python cannot be had"
      continue
    fi
    if ! "$uv" pip install --quiet --python "$place/bin/python" --resolution "$versions" "$root" 2> "$place.log"; then
      echo "$python $versions: FAILED to install, see $place.log"
      failed=1
    elif trial "$place" > "$place.log" 2>&1; then
      echo "$python $versions: ok"
    else
      echo "$python $versions: FAILED, see $place.log"
      failed=1
    fi
  done
done
exit $failed
