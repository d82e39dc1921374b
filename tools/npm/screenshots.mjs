// Takes the pictures of README.md: a held and a completed run in Temporal's UI, in headless Chromium against the development
// environment, after checking that the page shows what an operator has to see.
//
//   node screenshots.mjs BIN TEMPORAL FOLDER     programs, the Temporal CLI, where the pictures go
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const [bin, temporal, folder] = process.argv.slice(2);
const largest = 200 * 1024;

/** free is a port that nobody has just now. */
async function free() {
	const server = createServer();
	await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
	const { port } = server.address();
	await new Promise((closed) => server.close(closed));
	return port;
}

const home = await mkdtemp(join(tmpdir(), "tenure-screenshots-"));
const [port, uiPort, tenantPort, httpPort] = [await free(), await free(), await free(), await free()];
const development = spawn(join(bin, "tenure-worker"), [
	"dev", "--data-dir", home, "--temporal-cli", temporal,
	"--temporal-port", port, "--ui-port", uiPort, "--tenant-port", tenantPort, "--http-port", httpPort,
], { stdio: ["ignore", "pipe", "inherit"] });
const gone = new Promise((resolve) => development.once("exit", resolve));

async function ready() {
	for await (const line of createInterface({ input: development.stdout })) {
		if (line.trim() === "ready") {
			development.stdout.resume();
			return;
		}
	}
	throw new Error("tenure-worker dev ended before it was ready");
}

/** tenure runs a command that exits as expected, and gives its JSON. */
async function tenure(exit, ...args) {
	const env = { ...process.env, TEMPORAL_ADDRESS: `127.0.0.1:${port}`, TEMPORAL_NAMESPACE: "default", TENURE_REQUESTED_BY: "operator" };
	const answer = await promisify(execFile)(join(bin, "tenure"), [...args, "-o", "json"], { env }).catch((failed) => failed);
	assert.equal(answer.code ?? 0, exit, answer.stderr);
	return JSON.parse(answer.stdout);
}

const control = (method, path, body) => fetch(`http://127.0.0.1:${tenantPort}/_sim${path}`, { method, body: body && JSON.stringify(body) });

/** shown returns when a text is on the page; what is markdown there stands in frames of its own. */
async function shown(page, text) {
	const looking = new AbortController();
	setTimeout(() => looking.abort(), 30_000).unref();
	for (;;) {
		for (const frame of page.frames()) {
			if (await frame.getByText(text).first().isVisible().catch(() => false)) {
				return;
			}
		}
		assert.ok(!looking.signal.aborted, `${page.url()} does not show ${JSON.stringify(text)}`);
		await page.waitForTimeout(100);
	}
}

/** picture opens a run, checks that its page shows all the texts, and saves it. */
async function picture(browser, name, report, texts) {
	const page = await browser.newPage({ viewport: { width: 1500, height: 1000 }, deviceScaleFactor: 0.8 });
	await page.goto(`http://127.0.0.1:${uiPort}/namespaces/default/workflows/${encodeURIComponent(report.workflowId)}/${report.runId}/history`);
	await page.getByRole("tab", { name: "User Metadata" }).or(page.getByRole("link", { name: "User Metadata" })).first().click();
	for (const text of texts) {
		await shown(page, text);
	}
	const file = join(folder, `${name}.png`);
	await page.screenshot({ path: file });
	const { size } = await stat(file);
	assert.ok(size < largest, `${file} has ${size} bytes`);
	console.log(`${file}: ${texts.length} texts seen, ${Math.round(size / 1024)} KiB`);
	await page.close();
}

let browser;
try {
	await ready();
	await control("POST", "/faults", { method: "POST", path: "/v1.0/users/*/assignLicense", times: -1, status: 400 });
	const held = await tenure(2, "offboard", "anna.archer@contoso.example", "--yes", "--reason", "left the company");
	assert.equal(held.status, "held");
	await control("DELETE", "/faults");
	const completed = await tenure(0, "offboard", "kevin.king@contoso.example", "--yes", "--reason", "left the company");

	browser = await chromium.launch({ executablePath: process.env.CHROMIUM, chromiumSandbox: process.getuid() !== 0 });
	const steps = completed.steps.map((step) => step.name);
	await picture(browser, "ui-held", held, ["offboard anna.archer@contoso.example from", "offboard of anna.archer@contoso.example: held", ...steps]);
	await picture(browser, "ui-completed", completed, ["offboard kevin.king@contoso.example from", "offboard of kevin.king@contoso.example: completed", ...steps]);
} finally {
	await browser?.close();
	development.kill("SIGTERM");
	await gone;
	await rm(home, { recursive: true, force: true });
}
