// Shared by the scripts: an official agent, the gateway's interface, and a frontend's upload.

import assert from "node:assert/strict";
import { createHash, webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;

// The parts of an official agent: `dfinity` or `icp-sdk`.
export async function load(library) {
  switch (library) {
    case "dfinity": {
      const { HttpAgent, Actor } = await import("@dfinity/agent");
      const { IDL } = await import("@dfinity/candid");
      const { Ed25519KeyIdentity } = await import("@dfinity/identity");
      return { HttpAgent, Actor, IDL, Ed25519KeyIdentity };
    }
    case "icp-sdk": {
      const { HttpAgent, Actor } = await import("@icp-sdk/core/agent");
      const { IDL } = await import("@icp-sdk/core/candid");
      const { Ed25519KeyIdentity } = await import("@icp-sdk/core/identity");
      return { HttpAgent, Actor, IDL, Ed25519KeyIdentity };
    }
    default:
      throw new Error(`unknown library ${library}, expected dfinity or icp-sdk`);
  }
}

export function interfaceOf({ IDL }) {
  const { Text, Nat8, Nat32, Nat64, Null, Vec, Opt, Record, Variant, Principal } = IDL;
  const Problem = Variant({
    Internal: Text, NotFound: Null, Unauthorized: Null, InvalidArgument: Text,
    ResourceExhausted: Null, NotImplemented: Text, Conflict: Text,
  });
  const Result = (type) => Variant({ Ok: type, Err: Problem });
  const AssetType = Variant({
    Original: Null, Preview: Null, Thumbnail: Null, Derivative: Null, Metadata: Null,
  });
  const Base = Record({
    name: Text, mime_type: Text, bytes: Nat64, asset_type: AssetType, tags: Vec(Text),
    created_at: Nat64, updated_at: Nat64, description: Opt(Text), sha256: Opt(Vec(Nat8)),
    width: Opt(Nat32), height: Opt(Nat32), url: Opt(Text), storage_key: Opt(Text),
    bucket: Opt(Text), asset_location: Opt(Text),
    processing_status: Opt(Text), processing_error: Opt(Text), deleted_at: Opt(Nat64),
  });
  const Metadata = Variant({
    Document: Record({
      base: Base, page_count: Opt(Nat32), document_type: Opt(Text), language: Opt(Text),
      word_count: Opt(Nat32),
    }),
  });
  const PersonRef = Variant({ Opaque: Text, Principal });
  const Finished = Record({
    memory_id: Text, blob_id: Text, size: Nat64, checksum_sha256: Opt(Vec(Nat8)),
    uploaded_at: Nat64,
  });
  const Meta = Record({ size: Nat64, chunk_count: Nat32 });
  return IDL.Service({
    capsules_create: IDL.Func([Opt(PersonRef)], [Result(Record({ id: Text }))], []),
    upload_config: IDL.Func([], [Record({ chunk_size: Nat32, inline_max: Nat32 })], ["query"]),
    uploads_begin: IDL.Func([Text, Metadata, Nat32, Text], [Result(Nat64)], []),
    uploads_put_chunk: IDL.Func([Nat64, Nat32, Vec(Nat8)], [Result(Null)], []),
    uploads_finish: IDL.Func([Nat64, Vec(Nat8), Nat64], [Result(Finished)], []),
    uploads_abort: IDL.Func([Nat64], [Result(Null)], []),
    blob_get_meta: IDL.Func([Text], [Result(Meta)], ["query"]),
    blob_read_chunk: IDL.Func([Text, Nat32], [Result(Vec(Nat8))], ["query"]),
  });
}

export function metadata(name, bytes) {
  const base = {
    name, mime_type: "application/octet-stream", bytes: BigInt(bytes),
    asset_type: { Original: null }, tags: [], created_at: 0n, updated_at: 0n, description: [],
    sha256: [], width: [], height: [], url: [], storage_key: [], bucket: [], asset_location: [],
    processing_status: [], processing_error: [], deleted_at: [],
  };
  return { Document: { base, page_count: [], document_type: [], language: [], word_count: [] } };
}

export function ok(result) {
  const plain = (_, value) => (typeof value === "bigint" ? String(value) : value);
  assert.ok("Ok" in result, JSON.stringify(result, plain));
  return result.Ok;
}

export function bytesOf(length, seed) {
  let state = seed + 1;
  return Uint8Array.from({ length }, () => (state = (state * 48271) % 2147483647) & 0xff);
}

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest();

export class Upload {
  constructor(actor, capsule, name, data, chunkSize, declared = data.length) {
    Object.assign(this, { actor, capsule, name, data, chunkSize, declared, next: 0 });
    this.count = Math.ceil(data.length / chunkSize);
  }
  async begin() {
    const begun = await this.actor.uploads_begin(
      this.capsule, metadata(this.name, this.declared), this.count, `key of ${this.name}`,
    );
    this.session = ok(begun);
    return this.session;
  }
  async putNext(as = (bytes) => bytes) {
    const start = this.next * this.chunkSize;
    const chunk = this.data.subarray(start, start + this.chunkSize);
    ok(await this.actor.uploads_put_chunk(this.session, this.next, as(chunk)));
    this.next += 1;
  }
  async finish() {
    const length = BigInt(this.data.length);
    const finished = await this.actor.uploads_finish(this.session, sha256(this.data), length);
    const result = ok(finished);
    assert.equal(result.size, length);
    assert.deepEqual(Buffer.from(result.checksum_sha256[0]), sha256(this.data));
    return result;
  }
  async whole(as) {
    await this.begin();
    while (this.next < this.count) await this.putNext(as);
    return this.finish();
  }
}

export async function readBack(actor, blobId) {
  const meta = ok(await actor.blob_get_meta(blobId));
  const parts = [];
  for (let i = 0; i < meta.chunk_count; i++) {
    parts.push(Buffer.from(ok(await actor.blob_read_chunk(blobId, i))));
  }
  return Buffer.concat(parts);
}

export async function holds(what, check) {
  await check();
  console.log(`ok  ${what}`);
}
