// Sends what capsule frontends send, through an official agent. The agent verifies every
// certificate and the signature of every query.
//
//     node wild_clients.mjs dfinity|icp-sdk URL GATEWAY
//
// The gateway must allow anonymous callers. The script prints a line for each check that holds, and
// ends with an error at the first check that fails.

import assert from "node:assert/strict";
import {
  Upload, bytesOf, holds, interfaceOf, load, metadata, ok, readBack, sha256,
} from "./frontend.mjs";

const [library, url, gatewayId] = process.argv.slice(2);
const { HttpAgent, Actor, IDL, Ed25519KeyIdentity } = await load(library);

async function connect(identity) {
  const agent = await HttpAgent.create({ host: url, identity, verifyQuerySignatures: true });
  await agent.fetchRootKey();
  return Actor.createActor(interfaceOf, { agent, canisterId: gatewayId });
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
