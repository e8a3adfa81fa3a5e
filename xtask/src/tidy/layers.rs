//! The rules of who may use whom: between crates, and between the files of each crate.

/// A crate of the workspace.
pub struct Crate {
    pub name: &'static str,
    /// The crates of the workspace that it may depend on, for tests and builds too.
    pub may_use: &'static [&'static str],
    /// Crates that it never needs, not even over others.
    pub never: &'static [&'static str],
}

/// The files of a crate in layers.
pub struct Package {
    /// The folder of its `Cargo.toml`.
    pub folder: &'static str,
    /// The lowest layer first. An entry is a file in `src`, or a folder with a final `/`; the
    /// longest entry that fits a file counts. An entry uses only entries of lower layers, and
    /// nothing else of its own layer.
    pub layers: &'static [&'static [&'static str]],
    /// Words that the code of an entry must not contain.
    pub unknown: &'static [(&'static str, &'static [&'static str])],
}

pub const CRATES: &[Crate] = &[
    // Native clients use its types, so it never needs the canister's runtime.
    Crate {
        name: "capsule-shared",
        may_use: &[],
        never: &["ic-cdk"],
    },
    Crate {
        name: "canister-common",
        may_use: &["capsule-shared"],
        never: &[],
    },
    Crate {
        name: "upload_gateway",
        may_use: &["canister-common", "capsule-shared"],
        never: &[],
    },
    Crate {
        name: "canister-background",
        may_use: &[],
        never: &[],
    },
    Crate {
        name: "blob_store",
        may_use: &["canister-background", "canister-common", "capsule-shared"],
        never: &[],
    },
    Crate {
        name: "memory_index",
        may_use: &["canister-background", "canister-common", "capsule-shared"],
        never: &[],
    },
    Crate {
        name: "capsule",
        may_use: &["capsule-shared"],
        // People install it from source, which must not take long.
        never: &["ic-cdk", "wasmtime"],
    },
    Crate {
        name: "localnet",
        may_use: &[],
        never: &["ic-cdk"],
    },
    Crate {
        name: "chaos",
        may_use: &[],
        never: &[],
    },
    Crate {
        name: "tools",
        may_use: &["blob_store", "capsule-shared", "chaos"],
        never: &[],
    },
    Crate {
        name: "integration-tests",
        may_use: &["capsule-shared", "chaos", "tools"],
        never: &[],
    },
    Crate {
        name: "xtask",
        may_use: &[],
        never: &["wasmtime"],
    },
];

pub const TABLE: &[Package] = &[
    Package {
        folder: "shared",
        layers: &[
            &["error.rs", "limits.rs"],
            &["keys.rs", "range.rs"],
            &[
                "asset.rs",
                "capsule.rs",
                "gateway.rs",
                "blob_store.rs",
                "principals.rs",
            ],
            &["memory_index.rs", "stores.rs", "upload.rs"],
            &["operators.rs"],
            &["lib.rs"],
        ],
        unknown: &[],
    },
    Package {
        folder: "canisters/background",
        layers: &[&["lib.rs"]],
        unknown: &[],
    },
    Package {
        folder: "canisters/common",
        layers: &[
            &[
                "args.rs",
                "counted.rs",
                "funds.rs",
                "manager.rs",
                "midstate.rs",
                "open_calls.rs",
                "regions.rs",
            ],
            &["room.rs", "superblock.rs"],
            // Exported macros live at the root of a crate, so files that use them are above it.
            &["lib.rs"],
            &["codec.rs", "growth.rs", "method.rs", "reply.rs"],
            &["gateways.rs", "golden.rs", "http.rs", "inspection.rs"],
            &["owners.rs"],
        ],
        unknown: &[("codec.rs", &["ic_cdk"])],
    },
    Package {
        folder: "canisters/upload_gateway",
        layers: &[
            &["failure.rs", "regions.rs", "timer.rs"],
            &["session/"],
            &["config/", "runtime.rs", "wire.rs"],
            &["peers/"],
            &["upload/types.rs"],
            &[
                "upload/checks.rs",
                "upload/flows.rs",
                "upload/hash.rs",
                "upload/jobs/counts.rs",
                "upload/people.rs",
                "upload/placement/",
            ],
            &["upload/registry/"],
            &["upload/due.rs", "upload/events.rs", "upload/moves/"],
            &["upload/jobs/queue.rs"],
            &["upload/state/"],
            &["upload/service.rs"],
            &["upload/leaving.rs", "upload/principals.rs"],
            &[
                "upload/admission.rs",
                "upload/begin.rs",
                "upload/blobs.rs",
                "upload/capsules.rs",
                "upload/digest.rs",
                "upload/memories.rs",
                "upload/metrics.rs",
                "upload/purges.rs",
                "upload/status.rs",
                "upload/stores.rs",
            ],
            &["upload/finish.rs", "upload/put.rs"],
            &["upload/deletion.rs", "upload/trash.rs"],
            &["upload/moving.rs"],
            &["upload/jobs/"],
            &["upload/mod.rs"],
            &["lib.rs"],
        ],
        // Sessions are generic: they know neither the platform nor what is uploaded.
        unknown: &[
            (
                "session/",
                &["ic_cdk", "capsule_id", "AssetMetadata", "BlobKey"],
            ),
            ("upload/state/", &["ic_cdk"]),
        ],
    },
    Package {
        folder: "canisters/blob_store",
        layers: &[
            &[
                "regions.rs",
                "chunks.rs",
                "migration.rs",
                "extents/",
                "shares.rs",
            ],
            &["totals.rs"],
            &["blob/"],
            &["check/"],
            &["state.rs"],
            &["metrics.rs", "status.rs", "testing.rs"],
            &["canister.rs"],
            &["work.rs"],
            &["pull.rs"],
            &["lib.rs"],
        ],
        unknown: &[
            ("blob/", &["ic_cdk"]),
            ("check/", &["ic_cdk"]),
            ("chunks.rs", &["ic_cdk"]),
            ("extents/", &["ic_cdk"]),
            ("shares.rs", &["ic_cdk"]),
        ],
    },
    Package {
        folder: "canisters/memory_index",
        layers: &[
            &["regions.rs", "ids.rs", "counters.rs"],
            &["capacity.rs"],
            &[
                "capsules/record.rs",
                "capsules/subject.rs",
                "memories/record.rs",
            ],
            &["index.rs"],
            &["capsules/", "memories/"],
            &["state.rs"],
            &["commit_order.rs", "metrics.rs", "persons.rs", "transfer.rs"],
            &["gateway_method.rs"],
            &["lib.rs"],
        ],
        unknown: &[
            ("index.rs", &["ic_cdk"]),
            ("capsules/", &["ic_cdk"]),
            ("memories/", &["ic_cdk"]),
        ],
    },
    Package {
        folder: "clients/cli",
        layers: &[
            &["dates.rs", "printable.rs", "signals.rs"],
            &["console.rs", "exit.rs"],
            &["local/"],
            &["network/"],
            &["failure.rs"],
            &["output.rs", "progress/"],
            &["arguments/"],
            &["commands/"],
            &["main.rs"],
        ],
        unknown: &[],
    },
    Package {
        folder: "localnet",
        layers: &[
            &["prices/"],
            &["wasm/"],
            &["replica/"],
            &["server/"],
            &["lib.rs"],
            &["main.rs"],
        ],
        // The replica is deterministic: it has no sockets.
        unknown: &[
            ("replica/", &["axum", "tokio"]),
            ("wasm/", &["axum", "tokio"]),
        ],
    },
    Package {
        folder: "tools",
        layers: &[
            &["engine.rs", "http.rs", "source.rs"],
            &["client.rs"],
            &["deployment/"],
            &["metrics.rs", "statistics.rs", "told.rs"],
            &["takeover.rs"],
            &["mapping.rs"],
            &["arguments/", "bench/", "history/"],
            &["lib.rs"],
            &["bin/"],
        ],
        unknown: &[],
    },
    Package {
        folder: "tests/chaos",
        layers: &[&["lib.rs"]],
        unknown: &[],
    },
    Package {
        folder: "xtask",
        layers: &[
            &["outcome.rs"],
            &["engine.rs", "layout.rs", "terminal.rs", "wasm_section.rs"],
            &["process.rs"],
            &["preflight.rs", "wasm_target/"],
            &["reproducible.rs"],
            &["canisters.rs"],
            &["testing.rs"],
            &["tidy/"],
            &["arguments.rs"],
            &["programs.rs"],
            &["main.rs"],
        ],
        unknown: &[],
    },
];
