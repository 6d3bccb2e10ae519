import { useQuery } from "@tanstack/react-query";
import { CircleUserRound, Keyboard, LogOut, Monitor, Moon, Sun } from "lucide-react";
import { useSyncExternalStore } from "react";
import { Button } from "@/components/ui/button";
import { Menu, MenuItem, MenuLabel, MenuLine } from "@/components/ui/menu";
import { meQuery } from "@/features/me/queries";
import { queryClient } from "@/lib/query";
import { current, forget, isSignedIn, subscribe } from "@/lib/session";
import { setTheme, useTheme } from "@/lib/theme";

async function signOut() {
  await current()?.end();
  forget();
  // Nothing of what was seen stays in the page's memory.
  queryClient.clear();
  window.location.assign("/");
}

const THEMES = [
  ["light", "Light", <Sun key="light" />],
  ["dark", "Dark", <Moon key="dark" />],
  ["system", "As the system", <Monitor key="system" />],
] as const;

/** Who is signed in, how it looks, the shortcuts, and the way out. */
export function YouMenu({ onShortcuts }: { onShortcuts: () => void }) {
  const theme = useTheme();
  const me = useQuery(meQuery);
  const signedIn = useSyncExternalStore(subscribe, isSignedIn);
  const user = me.data?.user;
  return (
    <Menu
      trigger={
        <Button look="ghost" size="icon" aria-label="You and this Studio">
          <CircleUserRound />
        </Button>
      }
    >
      {user && (
        <MenuLabel>
          <span className="block max-w-56 truncate">{signedIn ? "Signed in as" : "Working as"}</span>
          <span className="block max-w-56 truncate text-sm font-medium text-ink">{user.email ?? user.name}</span>
        </MenuLabel>
      )}
      <MenuLine />
      {THEMES.map(([name, text, icon]) => (
        <MenuItem key={name} onSelect={() => setTheme(name)}>
          {icon} {text}
          {theme === name && <span className="ml-auto text-xs text-soft">chosen</span>}
        </MenuItem>
      ))}
      <MenuLine />
      <MenuItem onSelect={onShortcuts}>
        <Keyboard /> Shortcuts
      </MenuItem>
      {signedIn && (
        <>
          <MenuLine />
          <MenuItem onSelect={() => void signOut()}>
            <LogOut /> Sign out
          </MenuItem>
        </>
      )}
    </Menu>
  );
}
