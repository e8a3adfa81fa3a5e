#!/usr/bin/env bash
# Introduces the three canisters to each other after `dfx deploy`.
#
# dfx runs it after it installs or upgrades upload_gateway, and sets DFX_NETWORK and
# CANISTER_ID_<name>. You can run it again at any time: every step is idempotent, adds what is
# missing, and removes nothing.
set -euo pipefail

fail() {
    echo "error: $*" >&2
    exit 1
}

for name in upload_gateway blob_store memory_index; do
    variable=CANISTER_ID_$name
    [ -n "${!variable:-}" ] || fail "$variable is not set, expected the canister id that dfx sets"
done
gateway=$CANISTER_ID_upload_gateway
store=$CANISTER_ID_blob_store
index=$CANISTER_ID_memory_index

# Calls a method whose reply is `variant { Ok; Err }`. An Err ends the script.
call() {
    local reply
    reply=$(dfx canister --network "${DFX_NETWORK:-local}" call "$@")
    case $reply in
    *"variant {"*"Ok"*) ;;
    *) fail "$2 of $1 answered $reply, expected variant { Ok }" ;;
    esac
}

settings="memory_index = opt principal \"$index\"; blob_stores = opt vec { principal \"$store\" }"
call "$store" gateways_register "(principal \"$gateway\")"
call "$index" gateways_register "(principal \"$gateway\")"
call "$gateway" configure "(record { $settings })"
echo "connected: upload_gateway $gateway, blob_store $store, memory_index $index"
