#!/usr/bin/env bash
# Writes a Markdown file under the merge request: scripts/ci/note.sh FILE
# Needs COMPARE_TOKEN, a token that may write notes. A fork has none: the artifact must do then.
set -euo pipefail
file=$1
# A child pipeline has the second of each from the job that triggers it.
request=${CI_MERGE_REQUEST_IID:-${MERGE_REQUEST_IID:-}}
project=${CI_MERGE_REQUEST_PROJECT_ID:-${MERGE_REQUEST_PROJECT_ID:-}}
if [ -z "${COMPARE_TOKEN:-}" ] || [ -z "$request" ] || [ ! -f "$file" ]; then
    echo "no note (no COMPARE_TOKEN, no merge request, or no $file): see the artifacts"
    exit
fi
notes="$CI_API_V4_URL/projects/$project/merge_requests/$request/notes"
# The token comes by standard input, so that no list of processes shows it.
printf 'header = "PRIVATE-TOKEN: %s"\n' "$COMPARE_TOKEN" |
    curl --config - --silent --show-error --fail --output /dev/null \
        --data-urlencode "body@$file" "$notes" ||
    echo "the note could not be written: see the artifacts"
