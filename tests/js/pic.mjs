// Drives the canisters through `@dfinity/pic`, the JavaScript client of PocketIC servers.
//
//     node pic.mjs SERVER FOLDER
//
// SERVER is the address of a server without a final slash, FOLDER has the modules.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { PocketIc, SubnetStateType } from "@dfinity/pic";
import { IDL } from "@icp-sdk/core/candid";
import { Upload, bytesOf, holds, interfaceOf, load, ok, readBack } from "./frontend.mjs";

const [server, folder] = process.argv.slice(2);
const NAMES = ["upload_gateway", "blob_store", "memory_index"];
const module = (name) => readFileSync(`${folder}/${name}.wasm.gz`);
const none = new Uint8Array(IDL.encode([IDL.Opt(IDL.Null)], [[]]));

const pic = await PocketIc.create(server);
const canisters = {};
for (const name of NAMES) canisters[name] = await pic.createCanister();
const [gateway, store] = NAMES.map((name) => canisters[name]);
const actor = pic.createActor(interfaceOf, gateway);

await holds("canisters are installed and find each other", async () => {
  const environmentVariables = NAMES.map((name) => ({
    name: `PUBLIC_CANISTER_ID:${name}`, value: canisters[name].toText(),
  }));
  for (const name of NAMES) {
    const canisterId = canisters[name];
    await pic.updateCanisterSettings({ canisterId, environmentVariables });
    await pic.installCode({ canisterId, wasm: module(name), arg: none });
  }
});
await holds("a file goes up and comes back", async () => {
  const { identity } = await signedIn(1);
  actor.setIdentity(identity);
  const capsule = ok(await actor.capsules_create([])).id;
  const data = bytesOf(3_000_000, 1);
  const result = await new Upload(actor, capsule, "file", data, 1_800_000).whole();
  assert.ok((await readBack(actor, result.blob_id)).equals(Buffer.from(data)));
});
await holds("deferred calls are answered after their submission", async () => {
  const deferred = pic.createDeferredActor(interfaceOf, gateway);
  const { identity } = await signedIn(2);
  deferred.setIdentity(identity);
  const answer = await deferred.capsules_create([]);
  ok(await answer());
});
await holds("a call that is rejected names its reason", async () => {
  const call = pic.updateCall({ canisterId: gateway, method: "no_such_method" });
  await assert.rejects(call, /Canister call failed/);
});
await holds("time stands still until it is set", async () => {
  const before = await pic.getTime();
  assert.equal(await pic.getTime(), before);
  await pic.advanceTime(60_000);
  await pic.tick(2);
  assert.ok((await pic.getTime()) - before >= 60_000);
  await pic.resetTime();
  await pic.resetCertifiedTime();
});
await holds("a canister is described, funded, stopped, upgraded and started", async () => {
  const status = await pic.canisterStatus({ canisterId: store });
  assert.deepEqual(Object.keys(status.status), ["running"]);
  assert.equal(status.moduleHash.length, 32);
  const owners = await pic.getControllers(store);
  assert.deepEqual(owners.map(String), status.settings.controllers.map(String));
  const cycles = BigInt(await pic.getCyclesBalance(store));
  assert.equal(BigInt(await pic.addCycles(store, 1_000)), cycles + 1_000n);
  await pic.stopCanister({ canisterId: store });
  await pic.upgradeCanister({ canisterId: store, wasm: module("blob_store"), arg: none });
  await pic.startCanister({ canisterId: store });
});
await holds("subnets and stable memory are read", async () => {
  const [subnet] = await pic.getApplicationSubnets();
  assert.equal((await pic.getCanisterSubnetId(store)).toText(), subnet.id.toText());
  assert.ok((await pic.getPubKey(subnet.id)).length > 0);
  assert.ok((await pic.getDefaultEffectiveCanisterId()).toText().length > 0);
  const other = await pic.createCanister();
  await pic.installCode({ canisterId: other, wasm: module("blob_store"), arg: none });
  const bytes = bytesOf(65_536, 3);
  await pic.setStableMemory(other, bytes);
  assert.ok(Buffer.from(await pic.getStableMemory(other)).equals(Buffer.from(bytes)));
});
await holds("an agent reaches the instance while it is live", async () => {
  const port = await pic.makeLive();
  const { agent, Actor } = await signedIn(1, `http://localhost:${port}`);
  const live = Actor.createActor(interfaceOf, { agent, canisterId: gateway.toText() });
  ok(await live.capsules_create([]));
  await pic.stopLive();
});
await holds("options that a server may lack work or are refused by name", async () => {
  assert.deepEqual(await pic.getPendingHttpsOutcalls(), []);
  const state = { type: SubnetStateType.New };
  const benchmarking = { application: [{ state, enableBenchmarkingInstructionLimits: true }] };
  const said = await PocketIc.create(server, benchmarking).then(
    async (other) => other.tearDown(),
    (refused) => refused.message,
  );
  assert.ok(said === undefined || /instruction_config/.test(said), said);
});
await holds("an instance is deleted", async () => {
  await pic.tearDown();
  await assert.rejects(pic.getTime());
});

// The identity of one person, and an agent for it at `host`.
async function signedIn(person, host = "http://localhost:1") {
  const { HttpAgent, Actor, Ed25519KeyIdentity } = await load("icp-sdk");
  const identity = Ed25519KeyIdentity.generate(new Uint8Array(32).fill(person));
  const agent = HttpAgent.createSync({ host, identity });
  if (host !== "http://localhost:1") await agent.fetchRootKey();
  return { identity, agent, Actor };
}
