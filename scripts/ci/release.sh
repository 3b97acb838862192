#!/usr/bin/env bash
# Attaches trained runs to a release of this project on GitLab, so that `--run URL` starts from them: packs each run
# into a bundle, uploads the bundles with their SHA256SUMS into the generic packages of the project, and links them
# from the release of the tag, which is made if there is none.
# Usage: scripts/ci/release.sh TAG RUN...        for instance scripts/ci/release.sh v1 runs/vae/quick runs/pca/quick
# In a job of GitLab's it uses CI_API_V4_URL, CI_PROJECT_ID and CI_JOB_TOKEN. Elsewhere set the first two, and
# RELEASE_TOKEN to an access token with the scope api. Without a token it prints what it would call.
# Never run against a real GitLab: its calls were tried with a stub of curl that notes them.
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: scripts/ci/release.sh TAG RUN..." >&2
    exit 2
fi
tag=$1
shift
case $tag in
    *[!A-Za-z0-9._-]* | "" | .*) echo "release: the tag $tag: letters, digits, '.', '_' and '-'" >&2 && exit 2 ;;
esac

# They are named from the folder of the caller.
runs=()
for run in "$@"; do runs+=("$(realpath "$run")"); done
cd "$(dirname "$0")/../.."

bundles=target/bundles/$tag
rm -rf "$bundles"
cargo xtask bundle "${runs[@]}" --to "$bundles"
(cd "$bundles" && sha256sum --check --quiet SHA256SUMS)

api=${CI_API_V4_URL:-https://gitlab.example.com/api/v4}/projects/${CI_PROJECT_ID:-PROJECT}
# A token on a command line is seen by every process: curl reads it from a file that only we can.
header=$(mktemp)
trap 'rm -f "$header"' EXIT
if [ -n "${RELEASE_TOKEN:-}" ]; then
    echo "PRIVATE-TOKEN: $RELEASE_TOKEN" > "$header"
elif [ -n "${CI_JOB_TOKEN:-}" ]; then
    echo "JOB-TOKEN: $CI_JOB_TOKEN" > "$header"
fi

call() {
    if [ -s "$header" ]; then
        # As a condition this runs without `set -e`.
        curl --silent --show-error --fail-with-body --retry 3 --header "@$header" "$@" || return
        echo
    else
        echo "would call: curl $*"
    fi
}

# An earlier call for the tag has its bundles there too: their lines stay.
package=$api/packages/generic/trained-models/$tag
if [ -s "$header" ]; then
    earlier=$(mktemp)
    trap 'rm -f "$header" "$earlier"' EXIT
    answer=$(curl --silent --show-error --retry 3 --header "@$header" --output "$earlier" \
        --write-out '%{http_code} %{redirect_url}' "$package/SHA256SUMS")
    case $answer in
        200*) ;;
        # Stored elsewhere, at an address that needs no token and must not see ours.
        30?" "*) curl --silent --show-error --fail --retry 3 --output "$earlier" "${answer#* }" ;;
        404*) : > "$earlier" ;;
        *) echo "release: $package/SHA256SUMS cannot be read: $answer" >&2 && exit 1 ;;
    esac
    awk 'NR == FNR { new[$2]; print; next } !($2 in new)' "$bundles/SHA256SUMS" "$earlier" > "$bundles/all"
    mv "$bundles/all" "$bundles/SHA256SUMS"
fi

if [ ! -s "$header" ] || ! call "$api/releases/$tag" > /dev/null 2>&1; then
    call --request POST --header "Content-Type: application/json" \
        --data "{\"tag_name\": \"$tag\", \"ref\": \"${CI_COMMIT_SHA:-$(git rev-parse HEAD)}\", \"description\": \"Trained models: see docs/trained-models.md.\"}" \
        "$api/releases"
fi
# A script that runs again links nothing twice.
links=
if [ -s "$header" ]; then links=$(call "$api/releases/$tag/assets/links?per_page=100"); fi
for file in "$bundles"/*; do
    name=$(basename "$file")
    url=$package/$name
    call --upload-file "$file" "$url"
    case $links in *"\"name\":\"$name\""*) continue ;; esac
    call --request POST --header "Content-Type: application/json" \
        --data "{\"name\": \"$name\", \"url\": \"$url\", \"link_type\": \"package\"}" \
        "$api/releases/$tag/assets/links"
done

echo
echo "start from them with:"
while read -r sha256 name; do
    echo "  --run $package/$name#sha256=$sha256"
done < "$bundles/SHA256SUMS"
