#!/bin/bash
# State: kubeconform v0.8.0, built by Go, Linux; an invalid manifest in a folder that a symbolic link `current` names, as the
#   folder of a release is named. The schema is a local one: nothing is downloaded but kubeconform.
# Guess, written down before: `kubeconform current` validates what is in the folder.
# Behaviour: a link that is given as the argument is walked as the link itself: "0 resource found in 0 file", exit 0. With a
#   slash behind it, `current/`, the same folder is read and the manifest is invalid, exit 1. A linked folder inside the
#   given one is left out in the same way, while a linked file is read.
# Why it matters: the check before an apply is green for every release behind the link. Demand a number of resources from
#   `-summary` or `-output json`, and give the resolved path.
# Output seen: "current: 0, 0 resources; current/: 1, 1 resource; linked folder inside: 0, 0 resources; linked file: 1, 1 resource".
# Exits 0 while it is so, 1 when one of them changes.
set -euo pipefail
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
GOBIN="$box" go install "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0"
cd "$box" && mkdir schemas release outer files
echo '{"type": "object", "required": ["spec"], "properties": {"spec": {"type": "object", "required": ["replicas"]}}}' \
  >schemas/deployment-apps-v1.json
printf 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec: {}\n' >release/shop.yaml
ln -s release current && ln -s ../release outer/inner && ln -s ../release/shop.yaml files/shop.yaml
look() {
  local end=0
  ./kubeconform -schema-location 'schemas/{{.ResourceKind}}{{.KindSuffix}}.json' -summary "$1" >out 2>&1 || end=$?
  echo "$end, $(sed -n 's/^Summary: \([0-9]*\) resource found.*/\1/p' out)"
}
link=$(look current) slash=$(look current/) inner=$(look outer) file=$(look files)
echo "current: $link resources; current/: $slash resource; linked folder inside: $inner resources; linked file: $file resource"
[ "$link/$slash/$inner/$file" = "0, 0/1, 1/0, 0/1, 1" ] || { echo "changed: see the line above" >&2; exit 1; }
