import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Outlet, useParams, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { Failure } from "@/components/ui/states";
import { Toasts } from "@/components/ui/toast";
import { meQuery } from "@/features/me/queries";
import { SessionOver } from "@/features/sign-in/session-over";
import { SignIn } from "@/features/sign-in/sign-in";
import { ApiProblem } from "@/lib/api/client";
import { useShortcut } from "@/lib/hooks";
import { isSignedIn } from "@/lib/session";
import { Palette } from "./palette";
import { Shortcuts } from "./shortcuts";
import { Sidebar } from "./sidebar";

/** Around every page: who signs in, the palette, the shortcuts, what is said at the edge. */
export function RootFrame() {
  const me = useQuery(meQuery);
  const queries = useQueryClient();
  const router = useRouter();
  const [palette, setPalette] = useState(false);
  const [shortcuts, setShortcuts] = useState(false);
  useShortcut("mod+k", () => setPalette((open) => !open));
  useShortcut("?", () => setShortcuts(true));

  // The address is looked at anew: now there is a project to go to.
  const enter = () => void queries.resetQueries().then(() => router.invalidate());
  if (me.error instanceof ApiProblem && me.error.status === 401 && !me.data) {
    return <SignIn onSignedIn={enter} refused={isSignedIn() ? me.error : undefined} />;
  }
  return (
    <>
      <a href="#main" className="sr-only z-60 rounded bg-leaf px-3 py-2 text-on-leaf focus:not-sr-only focus:fixed focus:top-2 focus:left-2">
        Skip to the content
      </a>
      {me.error && !me.data ? (
        <div className="mx-auto max-w-lg p-8">
          <Failure error={me.error} retry={() => void me.refetch()} />
        </div>
      ) : (
        <div className="flex h-full flex-col md:flex-row">
          <Sidebar onSearch={() => setPalette(true)} onShortcuts={() => setShortcuts(true)} />
          <main id="main" tabIndex={-1} className="min-h-0 min-w-0 flex-1 overflow-y-auto outline-none">
            <Outlet />
          </main>
        </div>
      )}
      <Palette open={palette} onOpenChange={setPalette} onShortcuts={() => setShortcuts(true)} />
      <Shortcuts open={shortcuts} onOpenChange={setShortcuts} />
      <SessionOver onForgotten={enter} />
      <Toasts />
    </>
  );
}

/** All pages of one project. Another project is another tree: nothing of the first stays on the screen. */
export function ProjectShell() {
  const { project } = useParams({ strict: false });
  return <Outlet key={project} />;
}
