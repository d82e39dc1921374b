// Drives the simulated tenant with @microsoft/microsoft-graph-client, a client
// that nobody here wrote, with its default middleware: what a person's whole
// on- and offboarding asks of Graph, and how the client meets throttling.
//
//   node flow.mjs [path of tenure-worker]
import assert from "node:assert/strict";
import graph from "@microsoft/microsoft-graph-client";
import { start } from "./tenant.mjs";

const { BatchRequestContent, BatchResponseContent, Client, PageIterator } = graph;

const tenant = await start(process.argv[2] ?? "../../bin/tenure-worker");
const secure = tenant.origin.replace("http:", "https:");

// The client gives its token to https only and reads links of https only.
// This stands for the TLS in front of the tenant: below the client https
// becomes http, and links in answers lead to it again.
const received = [];
globalThis.fetch = async (url, options) => {
	const answer = await tenant.fetch(String(url).replace(secure, tenant.origin), options);
	received.push(answer);
	const headers = new Headers(answer.headers);
	headers.delete("Content-Encoding"); // fetch has unpacked it
	headers.delete("Content-Length");
	const text = await answer.text();
	return new Response(text === "" ? null : text.replaceAll(tenant.origin, secure), { status: answer.status, headers });
};

const client = Client.initWithMiddleware({
	baseUrl: secure,
	customHosts: new Set([new URL(secure).hostname]),
	authProvider: { getAccessToken: () => tenant.token() },
});

let passed = 0;
let failed = 0;
async function step(name, run) {
	try {
		await tenant.control("DELETE", "/journal");
		await run();
		passed++;
	} catch (problem) {
		failed++;
		console.error(`npm flow: ${name}: ${problem.stack ?? problem}`);
	}
}

const refused = (status, code) => (problem) => {
	assert.equal(problem.statusCode, status, problem.message);
	assert.equal(problem.code, code);
	assert.ok(problem.requestId);
	return true;
};
const user = (name, ...fields) => client.api(`/users/${name}@contoso.example`).select(["id", ...fields]).get();
const numbers = "/admin/teams/telephoneNumberManagement/numberAssignments";
const configuration = (id) => client.api(`/admin/teams/userConfigurations/${id}`).get();

await tenant.control("PATCH", "/settings", { tokenSeconds: 60, numberOperationMs: 20 });

await step("a user is read", async () => {
	const chloe = await user("chloe.clark", "displayName", "usageLocation", "licenseAssignmentStates");
	assert.equal(chloe.displayName, "Chloe Clark");
	assert.equal(chloe.licenseAssignmentStates.length, 2);
	await assert.rejects(user("nobody"), refused(404, "Request_ResourceNotFound"));
});

await step("users are listed over pages", async () => {
	const { users } = await tenant.control("GET", "/state");
	const names = [];
	const first = await client.api("/users").select("displayName").top(4).get();
	await new PageIterator(client, first, (u) => names.push(u.displayName)).iterate();
	assert.equal(names.length, users.length);
	assert.equal(new Set(names).size, names.length);
});

await step("advanced queries need their header", async () => {
	const query = () => client.api("/users").filter("endsWith(userPrincipalName,'archer@contoso.example')").count(true);
	const found = await query().header("ConsistencyLevel", "eventual").get();
	assert.deepEqual([found["@odata.count"], found.value[0].displayName], [1, "Anna Archer"]);
	await assert.rejects(query().get(), refused(400, "Request_UnsupportedQuery"));
});

await step("changes are followed", async () => {
	const whole = await client.api("/users/delta").select("usageLocation").get();
	await client.api("/users/anna.archer@contoso.example").patch({ usageLocation: "FR" });
	const changed = await client.api(whole["@odata.deltaLink"]).get();
	assert.deepEqual(changed.value.map((u) => u.usageLocation), ["FR"]);
});

await step("usage location and account are changed", async () => {
	await client.api("/users/emma.evans@contoso.example").patch({ usageLocation: "DE", accountEnabled: false });
	const emma = await user("emma.evans", "usageLocation", "accountEnabled");
	assert.deepEqual([emma.usageLocation, emma.accountEnabled], ["DE", false]);
	await assert.rejects(client.api("/users/emma.evans@contoso.example").patch({ usageLocation: "Paris" }), refused(400, "Request_BadRequest"));
	assert.equal((await client.api("/users/emma.evans@contoso.example/revokeSignInSessions").post({})).value, true);
});

await step("licenses are removed and added", async () => {
	const e5 = async () => (await client.api("/subscribedSkus").get()).value.find((s) => s.skuPartNumber === "SPE_E5");
	const { skuId, consumedUnits } = await e5();
	const assign = (body) => client.api("/users/emma.evans@contoso.example/assignLicense").post(body);
	const removal = { addLicenses: [], removeLicenses: [skuId] };
	assert.ok((await assign(removal)).id);
	assert.equal((await e5()).consumedUnits, consumedUnits - 1);
	await assert.rejects(assign(removal), refused(400, "Request_BadRequest"));
	await assert.rejects(assign({ addLicenses: [] }), refused(400, "Request_BadRequest"));
	await assign({ addLicenses: [{ skuId, disabledPlans: [] }], removeLicenses: [] });
	const { value } = await client.api("/users/emma.evans@contoso.example/licenseDetails").get();
	assert.deepEqual(value.map((d) => d.skuPartNumber), ["SPE_E5"]);
});

await step("a group is joined and left", async () => {
	const { id } = await user("laura.lewis");
	const { value } = await client.api("/groups").filter("displayName eq 'All Staff'").get();
	const group = value[0].id;
	const member = async () => (await client.api(`/users/${id}/memberOf`).get()).value.some((g) => g.id === group && g["@odata.type"] === "#microsoft.graph.group");
	const join = () => client.api(`/groups/${group}/members/$ref`).post({ "@odata.id": `${secure}/v1.0/directoryObjects/${id}` });
	await join();
	assert.ok(await member());
	await assert.rejects(join(), refused(400, "Request_BadRequest"));
	await client.api(`/groups/${group}/members/${id}/$ref`).delete();
	assert.ok(!(await member()));
	await assert.rejects(client.api(`/groups/${group}/members/${id}`).delete(), (problem) => problem.statusCode >= 400);
	assert.ok((await user("laura.lewis")).id, "the user is still there");
});

await step("a number is taken and given again", async () => {
	const { id } = await user("chloe.clark");
	const owned = async () => (await client.api(numbers).filter(`assignmentTargetId eq '${id}'`).get()).value;
	const [{ telephoneNumber, numberType }] = await owned();
	const order = async (action, body) => {
		await client.api(`${numbers}/${action}`).post(body);
		const location = received.at(-1).headers.get("Location");
		assert.equal(received.at(-1).status, 202);
		for (const until = Date.now() + 10_000; ; ) {
			const { status } = await client.api(location.replace(tenant.origin, secure)).get();
			if (status === "succeeded") {
				return;
			}
			assert.ok(status === "notStarted" || status === "running", status);
			assert.ok(Date.now() < until, "the operation does not end");
		}
	};
	await order("unassignNumber", { telephoneNumber, numberType });
	assert.deepEqual(await owned(), []);
	assert.equal((await configuration(id)).isEnterpriseVoiceEnabled, false);
	await order("assignNumber", { telephoneNumber, numberType, assignmentTargetId: id, assignmentCategory: "primary" });
	assert.equal((await configuration(id)).isEnterpriseVoiceEnabled, true);
	const found = await client.api(numbers).filter(`telephoneNumber eq '${encodeURIComponent(telephoneNumber)}'`).get();
	assert.equal(found.value[0].assignmentTargetId, id);
});

await step("a policy is assigned and unassigned", async () => {
	const { id } = await user("emma.evans");
	const { value } = await client.api("/admin/teams/policy/getPolicyId(type='TeamsCallingPolicy',name='NoForwarding')").get();
	const body = { value: [{ "@odata.type": "#microsoft.graph.teamsAdministration.teamsPolicyUserAssignment", userId: id, policyType: "TeamsCallingPolicy", policyId: value[0].policyId }] };
	await client.api("/admin/teams/policy/userAssignments/assign").post(body);
	assert.deepEqual((await configuration(id)).effectivePolicyAssignments.map((p) => p.policyAssignment.displayName), ["NoForwarding"]);
	await client.api("/admin/teams/policy/userAssignments/unassign").post(body);
	assert.deepEqual((await configuration(id)).effectivePolicyAssignments, []);
});

await step("a batch is answered part by part", async () => {
	const content = new BatchRequestContent([
		{ id: "1", request: new Request(`${secure}/users/anna.archer@contoso.example`) },
		{ id: "2", dependsOn: ["1"], request: new Request(`${secure}/users/nobody`) },
		{
			id: "3", dependsOn: ["1"],
			request: new Request(`${secure}/users/anna.archer@contoso.example`, {
				method: "PATCH", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ usageLocation: "IE" }),
			}),
		},
	]);
	const answers = new BatchResponseContent(await client.api("/$batch").post(await content.getContent()));
	assert.deepEqual(["1", "2", "3"].map((id) => answers.getResponseById(id).status), [200, 404, 204]);
	assert.equal((await answers.getResponseById("1").json()).displayName, "Anna Archer");
	assert.equal((await user("anna.archer", "usageLocation")).usageLocation, "IE");
});

await step("throttling is waited for by the client", async () => {
	await tenant.control("POST", "/faults", { method: "PATCH", status: 429, retryAfter: 1 });
	await client.api("/users/anna.archer@contoso.example").patch({ usageLocation: "GB" });
	assert.deepEqual(await tenant.journal(), [429, 204].map((status) => `PATCH /v1.0/users/anna.archer@contoso.example ${status}`));
});

await step("permissions decide", async () => {
	await tenant.control("PUT", "/permissions", { roles: ["User.Read.All"] });
	await assert.rejects(client.api("/groups").get(), refused(403, "Authorization_RequestDenied"));
	await assert.rejects(configuration("x"), refused(403, "Forbidden"));
});

await tenant.stop();
console.log(`npm flow: ${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
