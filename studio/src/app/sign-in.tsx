import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { Failure } from "@/components/ui/states";
import { body, http, signIn, signOut } from "@/lib/api/client";
import { useTitle } from "@/lib/hooks";

/** For servers with login: an API key, kept in this page's memory and nowhere else. */
export function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const [key, setKey] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  useTitle("Sign in");
  const submit = async () => {
    setBusy(true);
    setError(null);
    signIn(key.trim());
    try {
      await body(http.GET("/api/me"));
      onSignedIn();
    } catch (refusal) {
      signOut();
      setError(refusal);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className="flex min-h-full items-center justify-center p-6">
      <form
        className="flex w-full max-w-sm flex-col gap-4 rounded-xl border bg-card p-6"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <img src="/favicon.svg" alt="" className="size-10" />
        <h1 className="text-lg font-semibold">Sign in to Dakora</h1>
        <Field label="API key" hint="It is kept in this tab only, until you close or reload it. It opens one project.">
          {(ids) => <Input {...ids} type="password" value={key} onChange={(event) => setKey(event.target.value)} autoFocus />}
        </Field>
        {error != null && <Failure error={error} />}
        <Button type="submit" look="main" busy={busy} disabled={!key.trim()}>
          Sign in
        </Button>
      </form>
    </main>
  );
}
