#!/usr/bin/env bash
# Wires the three canisters to each other after `dfx deploy`: dfx runs it once upload_gateway is installed or upgraded, with
# DFX_NETWORK and CANISTER_ID_<name> set. It may be run again at any time; what is wired stays so.
set -euo pipefail

gateway=${CANISTER_ID_upload_gateway:-}
store=${CANISTER_ID_blob_store:-}
index=${CANISTER_ID_memory_index:-}
if [ -z "$gateway" ] || [ -z "$store" ] || [ -z "$index" ]; then
    echo "error: expected CANISTER_ID_upload_gateway, CANISTER_ID_blob_store and CANISTER_ID_memory_index, as dfx sets them" >&2
    exit 1
fi

# Calls a method whose reply is variant { Ok; Err }; an Err ends the script.
call() {
    local reply
    reply=$(dfx canister --network "${DFX_NETWORK:-local}" call "$@")
    case $reply in
    *"variant { Ok"* | *"variant {"*"Ok"*) ;;
    *)
        echo "error: $1 $2 answered: $reply" >&2
        exit 1
        ;;
    esac
}

call "$store" gateways_register "(principal \"$gateway\")"
call "$index" gateways_register "(principal \"$gateway\")"
call "$gateway" configure "(record { memory_index = opt principal \"$index\"; blob_stores = opt vec { principal \"$store\" } })"
echo "wired: upload_gateway $gateway, blob_store $store, memory_index $index"
