import { useState, useSyncExternalStore } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { login } from "@/lib/login";
import { forget, isOver, subscribe } from "@/lib/session";
import { leave } from "./resume";

/** Says that the session has ended, over the page as it was left: drafts are kept, and one comes back to them. */
export function SessionOver({ onForgotten }: { onForgotten: () => void }) {
  const over = useSyncExternalStore(subscribe, isOver);
  const [later, setLater] = useState(false);
  const [busy, setBusy] = useState(false);
  const again = async () => {
    setBusy(true);
    if (login.mode === "oidc" || login.mode === "clerk") await leave();
    else {
      forget();
      onForgotten();
    }
  };
  return (
    <Dialog
      open={over && !later}
      onOpenChange={(open) => setLater(!open)}
      title="Your session has ended"
      description="The server does not know you any more: you were signed out, or your key was revoked."
      footer={
        <>
          <Button onClick={() => setLater(true)}>Stay on the page</Button>
          <Button look="main" busy={busy} onClick={() => void again()}>
            Sign in again
          </Button>
        </>
      }
    >
      What you typed into the editor is kept in this browser. After signing in you are back on this page.
    </Dialog>
  );
}
