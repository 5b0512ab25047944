/** A thread that compares passwords with bcrypt hashes: tens of milliseconds each, which no poll, page or ack waits for. */
import { compareSync } from "bcryptjs";
import { serve } from "../../shared/thread.js";

const operations = {
	compare: ({ password, hash }: { readonly password: string; readonly hash: string }) =>
		compareSync(password, hash),
};

export type BcryptOperations = typeof operations;

serve(operations, () => undefined);
