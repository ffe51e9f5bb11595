#!/usr/bin/env bash
# The main job on generated data, ending in reports: `make demo` runs demo.sh FOLDER UNITS.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
units=${2:-5000}
python=$here/.venv/bin/python
rm -rf "$1" && mkdir -p "$1" && cd "$1"
export GIT_CEILING_DIRECTORIES=$PWD # what is made here is no part of a repository
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true' EXIT

rogi() { "$here/.venv/bin/rogi" "$@"; }
step() { echo "== $*"; }
# Findings and differences are what the demo is about, so exit code 1 is no failure there; 2 is.
found() { "$@" || [ $? -eq 1 ]; }

step "1. An inventory of $units units with planted faults"
rogi synthetic inventory --count "$units" --seed 1 --defects all -o inventory.gpkg

step "2. Does it follow the rules?"
found rogi validate inventory.gpkg --no-config --limit 1 --output report.html --output report.sarif \
  --output findings.gpkg > report.txt
tail -n 2 report.txt

step "3. Mend what is safe to mend, and compare with what it was"
found rogi validate inventory.gpkg --no-config --fix safe --fixed mended.gpkg > /dev/null
found rogi compare inventory.gpkg mended.gpkg --output comparison.html > comparison.txt

step "4. Attributes of 200 units from synthetic terrain and climate"
rogi synthetic inventory --count 200 --seed 2 --region "Eastern Pamir" -o pamir.gpkg
rogi synthetic terrain --like pamir.gpkg --arc-seconds 9 -o dem
rogi synthetic climate --like pamir.gpkg -o climate.nc
rogi attributes pamir.gpkg --dem dem --maat climate.nc --maat-variable t2m --ap climate.nc --ap-variable tp \
  -o attributes.gpkg

step "5. Numbers and figures, and a sample for two reviewers"
rogi stats inventory.gpkg --figures figures --output stats.md
rogi review sample inventory.gpkg --fraction 0.05 --stratify subregion -o review > /dev/null

step "6. Mountains in two seasons, and a small model that learns on other ones (a toy, no scientific model)"
rogi synthetic imagery --seed 11 --seasons 2 -o ground > /dev/null
for seed in 1 2; do rogi synthetic imagery --seed "$seed" -o "school$seed" > /dev/null; done
rogi detect patches school1/season1.tif school2/season1.tif --units school1/truth1.gpkg --units school2/truth1.gpkg \
  --negatives school1/negatives.gpkg --negatives school2/negatives.gpkg -o patches --quiet > /dev/null
rogi detect train patches --architecture Unet --encoder tu-test_resnet --encoder-depth 3 --decoder-channels 32,16,8 \
  --steps 80 --batch 8 --crop 224 --lr 0.003 --licence CC0-1.0 --description "Demonstration on synthetic mountains." \
  -o toy.zip --quiet > training.txt

step "7. Candidates of both seasons, judged by the truth"
for season in 1 2; do
  rogi detect predict ground/season$season.tif --model toy.zip --probability probability$season.tif \
    --date 202$season-08-15 -o candidates$season.gpkg --quiet > predicted$season.txt
done
rogi detect evaluate candidates2.gpkg ground/truth2.gpkg --probability probability2.tif --output evaluation.html \
  > evaluation.txt

step "8. Season 1 is version 1.0; season 2 is reviewed by three mappers (scripted, with two contradictions)"
rogi update plan --inventory ground/truth1.gpkg --candidates candidates2.gpkg --probability probability2.tif \
  --imagery ground/season2.tif --mappers anna,ben,carla -o work --quiet > plan.txt
rogi synthetic decisions work --truth ground/truth2.gpkg --unsure 1 --conflicts 2 -o decisions.json > /dev/null
found rogi update status work > status.txt
found rogi update apply work --inventory ground/truth1.gpkg --dem ground/dem.tif -o v1.1.gpkg --quiet --format markdown > applied.md 2> applied.txt
rogi validate v1.1.gpkg --no-config --output validation.html --fail-on error > validation.txt

step "9. Both are released; their difference must count what the mappers did"
mkdir -p update/releases/1.0 update/releases/1.1 && cp v1.1.update/retired.csv update/releases/1.1/
release() { # VERSION DATE MORE
  printf '%s\n' "format: 1" "inventory: Mountains" "version: '$1'" "date: '$2'" "title: Rock glaciers of synthetic mountains" \
    "description: Made by rogi's demonstration. No real landforms." "schema: tprogi/1.0" "publisher: Zenodo" \
    "licence: {id: CC0-1.0, title: Creative Commons Zero, url: 'https://creativecommons.org/publicdomain/zero/1.0/'}" \
    "creators: [{family_name: Carberry, given_name: Josiah}]" "limits: [Nothing in it is real.]" \
    "thresholds: {count: 1.0, area: 1.0, subregion: 5.0}" "${@:3}" > "update/releases/$1/release.yaml"
  printf '# Changelog\n\n## %s\n\nMade by the demonstration, version %s.\n' "$1" "$1" > "update/releases/$1/CHANGELOG.md"
}
release 1.0 2026-06-01
release 1.1 2026-09-01 "previous: '1.0'" "retired_file: retired.csv"
(
  cd update
  rogi release build 1.0 -i ../ground/truth1.gpkg -o dist > build-1.0.txt
  rogi release build 1.1 -i ../v1.1.gpkg --previous dist/Mountains_v1.0.zip -o dist \
    --accept shift:AREA="Mappers redrew outlines on imagery of the next season." > build-1.1.txt
  found rogi release diff dist/Mountains_v1.0.zip dist/Mountains_v1.1.zip -o ../changes.html -o ../changes.json \
    > ../changes.txt 2> /dev/null
)
"$python" - <<'PYTHON'
import json

made = json.load(open("decisions.json"))
said, found = made["decided"], json.load(open("changes.json"))["counts"]
for decision, kind in {"retrieve": "added", "remove": "removed", "refine": "refined", "split": "split", "merge": "merged"}.items():
    assert said.get(decision, 0) == found.get(kind, 0), (decision, said, found)
held = json.load(open("v1.1.update/summary.json"))
assert held["problems"] == {"rows-disagree": 2 * made["conflicts"]} and held["open"]["unsure"] == made["unsure"], held
print("   decided:", ", ".join(f"{value} {name}" for name, value in said.items()), "- and the releases differ by just that")
PYTHON

step "10. The release of a trial inventory is published on a local Zenodo"
rogi synthetic versions --count 300 -o trial
(
  cd trial
  rogi release build 1.0 -i 1.0.gpkg -o dist > build-1.0.txt
  rogi release build 1.1 -i 1.1.gpkg --previous dist/Synthetic_v1.0.zip -o dist > build-1.1.txt
)
"$python" "$here/tests/release/invenio_server.py" --address-file server.txt &
server=$!
until [ -s server.txt ]; do sleep 0.1; done
export ZENODO_SANDBOX_TOKEN=token-of-the-maintainer
rogi release publish trial/dist/Synthetic_v1.0 --server "$(cat server.txt)" --quiet
rogi release publish trial/dist/Synthetic_v1.0 --server "$(cat server.txt)" --quiet --publish --yes
rogi release check trial/dist/Synthetic_v1.1.zip | tail -n 1

echo "Open in a browser:"
for page in report comparison evaluation work/plan changes; do echo "  $PWD/$page.html"; done
