// Sends what capsule frontends send, through an official agent. The agent verifies every
// certificate and the signature of every query.
//
//     node wild_clients.mjs dfinity|icp-sdk URL GATEWAY
//
// The gateway must allow anonymous callers. The script prints a line for each check that holds, and
// ends with an error at the first check that fails.

import assert from "node:assert/strict";
import { createHash, webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;

const [library, url, gatewayId] = process.argv.slice(2);
const { HttpAgent, Actor, IDL, Ed25519KeyIdentity } = await load(library);

async function load(library) {
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

function interfaceOf({ IDL }) {
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

async function connect(identity) {
  const agent = await HttpAgent.create({ host: url, identity, verifyQuerySignatures: true });
  await agent.fetchRootKey();
  return Actor.createActor(interfaceOf, { agent, canisterId: gatewayId });
}

function metadata(name, bytes) {
  const base = {
    name, mime_type: "application/octet-stream", bytes: BigInt(bytes),
    asset_type: { Original: null }, tags: [], created_at: 0n, updated_at: 0n, description: [],
    sha256: [], width: [], height: [], url: [], storage_key: [], bucket: [], asset_location: [],
    processing_status: [], processing_error: [], deleted_at: [],
  };
  return { Document: { base, page_count: [], document_type: [], language: [], word_count: [] } };
}

function ok(result) {
  const plain = (_, value) => (typeof value === "bigint" ? String(value) : value);
  assert.ok("Ok" in result, JSON.stringify(result, plain));
  return result.Ok;
}

function bytesOf(length, seed) {
  let state = seed + 1;
  return Uint8Array.from({ length }, () => (state = (state * 48271) % 2147483647) & 0xff);
}

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();

class Upload {
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

async function readBack(actor, blobId) {
  const meta = ok(await actor.blob_get_meta(blobId));
  const parts = [];
  for (let i = 0; i < meta.chunk_count; i++) {
    parts.push(Buffer.from(ok(await actor.blob_read_chunk(blobId, i))));
  }
  return Buffer.concat(parts);
}

async function holds(what, check) {
  await check();
  console.log(`ok  ${what}`);
}

const actor = await connect(Ed25519KeyIdentity.generate());
const capsule = ok(await actor.capsules_create([])).id;
const upload = (...args) => new Upload(actor, capsule, ...args);

await holds("the advised chunk size is 1,800,000 bytes", async () => {
  assert.equal((await actor.upload_config()).chunk_size, 1_800_000);
});
for (const size of [50, 65_536, 1_048_576, 1_572_864, 1_800_000]) {
  await holds(`chunks of ${size} bytes, read back by the blob id`, async () => {
    const data = bytesOf(2 * size + 7, size);
    const result = await upload(`chunks of ${size}`, data, size).whole();
    assert.ok((await readBack(actor, result.blob_id)).equals(Buffer.from(data)));
  });
}
await holds("chunks as arrays of numbers", async () => {
  const data = bytesOf(3_000, 1);
  const result = await upload("numbers", data, 1_000).whole((bytes) => Array.from(bytes));
  assert.ok((await readBack(actor, result.blob_id)).equals(Buffer.from(data)));
});
await holds("0 declares no size", async () => {
  await upload("undeclared", bytesOf(500, 2), 100, 0).whole();
});
await holds("a declared size must match at finish", async () => {
  const wrong = upload("declared", bytesOf(200, 3), 100, 201);
  wrong.count = 3;
  await wrong.begin();
  await wrong.putNext();
  await wrong.putNext();
  const refused = await actor.uploads_finish(wrong.session, sha256(wrong.data), 200n);
  assert.ok("InvalidArgument" in refused.Err);
});
await holds("0 and 16,385 chunks are refused, 16,384 are not", async () => {
  const begin = (count) =>
    actor.uploads_begin(capsule, metadata(`${count}`, 0), count, `count ${count}`);
  for (const count of [0, 16_385]) assert.ok("InvalidArgument" in (await begin(count)).Err);
  ok(await begin(16_384));
});
await holds("an original and three derivatives side by side", async () => {
  const all = [
    upload("original", bytesOf(5_000_000, 4), 1_800_000),
    upload("display", bytesOf(1_024, 5), 1_000),
    upload("thumb", bytesOf(300, 6), 50),
    upload("placeholder", bytesOf(1, 7), 50),
  ];
  const results = await Promise.all(all.map((one) => one.whole()));
  for (const [i, result] of results.entries()) {
    assert.ok((await readBack(actor, result.blob_id)).equals(Buffer.from(all[i].data)));
  }
});
await holds("begin again with the same key is the same session", async () => {
  const one = upload("again", bytesOf(10, 8), 10);
  assert.equal(await one.begin(), await one.begin());
});
await holds("an unknown session is NotFound, never a trap", async () => {
  const answer = await actor.uploads_put_chunk(999_999n, 0, bytesOf(10, 9));
  assert.deepEqual(answer, { Err: { NotFound: null } });
});
await holds("a stranger reads nothing", async () => {
  const result = await upload("private", bytesOf(10, 10), 10).whole();
  const stranger = await connect(Ed25519KeyIdentity.generate());
  const answer = await stranger.blob_read_chunk(result.blob_id, 0);
  assert.deepEqual(answer, { Err: { NotFound: null } });
});
await holds("an anonymous client, where the operator allows it", async () => {
  const anonymous = await connect(undefined);
  const own = ok(await anonymous.capsules_create([])).id;
  await new Upload(anonymous, own, "anonymous", bytesOf(100, 11), 50).whole();
});
