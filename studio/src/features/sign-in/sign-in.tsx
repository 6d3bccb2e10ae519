import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { Failure } from "@/components/ui/states";
import { useTitle } from "@/lib/hooks";
import { isServiceAway, login } from "@/lib/login";
import { signInWithKey } from "./api-key";
import { failure, leave } from "./resume";

/** For servers with login: the login service where there is one, or an API key. */
export function SignIn({ onSignedIn, refused }: { onSignedIn: () => void; refused?: Error }) {
  // Signed in at the service, and refused by the server: its reason says what is set up differently on the two.
  const [error, setError] = useState<unknown>(failure ?? refused ?? null);
  const [busy, setBusy] = useState<"service" | "key" | null>(null);
  const hasService = login.mode === "oidc" || login.mode === "clerk";
  useTitle("Sign in");
  const attempt = async (what: "service" | "key", act: () => Promise<void>) => {
    setBusy(what);
    setError(null);
    try {
      await act();
    } catch (refusal) {
      setError(refusal);
      setBusy(null);
    }
  };
  return (
    <main className="flex min-h-full items-center justify-center p-6">
      <div className="flex w-full max-w-sm flex-col gap-4 rounded-xl border bg-card p-6">
        <img src="/favicon.svg" alt="" className="size-10" />
        <h1 className="text-lg font-semibold">Sign in to Dakora</h1>
        {isServiceAway && (
          <Failure
            error={new Error("The login service cannot be reached at the moment. Try again in a minute, or use an API key.")}
            retry={() => window.location.reload()}
          />
        )}
        {error != null && <Failure error={error} />}
        {hasService && !isServiceAway && (
          <Button look="main" busy={busy === "service"} onClick={() => void attempt("service", leave)} autoFocus>
            {login.mode === "clerk" ? "Sign in with Clerk" : "Sign in"}
          </Button>
        )}
        {hasService ? (
          <details className="text-[13px]">
            <summary className="cursor-pointer text-soft">With an API key instead</summary>
            <KeyForm className="mt-3" busy={busy === "key"} onKey={(key) => void attempt("key", () => signInWithKey(key).then(onSignedIn))} />
          </details>
        ) : (
          <KeyForm isMain busy={busy === "key"} onKey={(key) => void attempt("key", () => signInWithKey(key).then(onSignedIn))} />
        )}
      </div>
    </main>
  );
}

type KeyFormProps = { busy: boolean; onKey: (key: string) => void; isMain?: boolean; className?: string };

function KeyForm({ busy, onKey, isMain = false, className }: KeyFormProps) {
  const [key, setKey] = useState("");
  return (
    <form
      className={`flex flex-col gap-4 ${className ?? ""}`}
      onSubmit={(event) => {
        event.preventDefault();
        onKey(key.trim());
      }}
    >
      <Field label="API key" hint="It is kept in this tab only, until you close or reload it. It opens one project.">
        {(ids) => <Input {...ids} type="password" autoComplete="off" value={key} onChange={(event) => setKey(event.target.value)} autoFocus={isMain} />}
      </Field>
      <Button type="submit" look={isMain ? "main" : undefined} busy={busy} disabled={!key.trim()}>
        {isMain ? "Sign in" : "Sign in with the key"}
      </Button>
    </form>
  );
}
