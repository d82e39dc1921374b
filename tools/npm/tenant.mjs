// The simulated tenant as a process of its own, and its control calls.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** start serves a tenant on a free port and gives it once it is ready. */
export async function start(command) {
	const child = spawn(command, ["tenant", "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
	process.once("exit", () => child.kill()); // also when the flow breaks off
	const failed = new Promise((_, reject) => {
		child.once("error", reject);
		child.once("exit", (code) => reject(new Error(`${command} ended with ${code} before it was ready`)));
	});
	failed.catch(() => {});
	const origin = await Promise.race([failed, address(child.stdout)]);
	return new Tenant(origin, child);
}

async function address(output) {
	let origin;
	for await (const line of createInterface({ input: output })) {
		origin ??= line.match(/http:\/\/[^ ]+/)?.[0];
		if (line === "ready") {
			return origin;
		}
	}
	throw new Error("the tenant said no address");
}

class Tenant {
	constructor(origin, child) {
		this.origin = origin;
		this.child = child;
		this.fetch = globalThis.fetch; // not the one that clients get
	}

	async control(method, path, body) {
		const answer = await this.fetch(`${this.origin}/_sim${path}`, { method, body: body && JSON.stringify(body) });
		if (!answer.ok) {
			throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
		}
		return answer.status === 204 ? undefined : answer.json();
	}

	async token() {
		return (await this.control("GET", "/token")).access_token;
	}

	/** journal lists "METHOD path status" of every request since it was cleared. */
	async journal() {
		const { requests } = await this.control("GET", "/journal");
		return requests.map((r) => `${r.method} ${r.path} ${r.status}`);
	}

	stop() {
		return new Promise((resolve) => {
			this.child.once("exit", resolve);
			this.child.kill();
		});
	}
}
