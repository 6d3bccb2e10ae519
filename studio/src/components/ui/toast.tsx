import { Toast as Radix } from "radix-ui";
import { useSyncExternalStore } from "react";
import { cn } from "@/lib/cn";
import { Button } from "./button";

type Action = { label: string; act: () => void };
type Told = { id: number; text: string; tone: "good" | "bad"; action?: Action };
let told: Told[] = [];
let next = 1;
const listeners = new Set<() => void>();
const change = (to: Told[]) => {
  told = to;
  listeners.forEach((tell) => tell());
};

/** Says something at the edge of the screen, from anywhere. */
export const toast = {
  good: (text: string, action?: Action) => change([...told, { id: next++, text, tone: "good", action }]),
  bad: (error: unknown) => change([...told, { id: next++, text: error instanceof Error ? error.message : String(error), tone: "bad" }]),
};

const subscribe = (tell: () => void) => {
  listeners.add(tell);
  return () => void listeners.delete(tell);
};

export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => told);
  return (
    <Radix.Provider swipeDirection="right">
      {shown.map(({ id, text, tone, action }) => (
        <Radix.Root
          key={id}
          duration={tone === "good" && !action ? 4000 : 9000}
          onOpenChange={(open) => !open && change(told.filter((one) => one.id !== id))}
          className={cn(
            "flex items-center gap-3 rounded-lg border bg-card px-4 py-2.5 shadow-xl",
            tone === "good" ? "border-leaf/50" : "border-rose/50 text-rose",
          )}
        >
          <Radix.Description className="min-w-0 flex-1 break-words">{text}</Radix.Description>
          {action && (
            <Radix.Action altText={action.label} asChild>
              <Button size="sm" onClick={action.act}>
                {action.label}
              </Button>
            </Radix.Action>
          )}
        </Radix.Root>
      ))}
      <Radix.Viewport className="fixed right-4 bottom-4 z-60 flex w-80 max-w-[calc(100vw-2rem)] flex-col gap-2 outline-none" />
    </Radix.Provider>
  );
}
