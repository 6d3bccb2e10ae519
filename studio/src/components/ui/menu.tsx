import { DropdownMenu as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { cn } from "@/lib/cn";

export function Menu({ trigger, children, align = "end" }: { trigger: ReactNode; children: ReactNode; align?: "start" | "end" }) {
  return (
    <Radix.Root modal={false}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          align={align}
          sideOffset={6}
          className="z-50 max-h-[70dvh] min-w-48 overflow-y-auto rounded-lg border border-line-strong bg-card p-1 shadow-xl"
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

const itemClass =
  "flex w-full cursor-pointer items-center gap-2 rounded-md px-2.5 py-1.5 text-sm outline-none data-disabled:opacity-50 data-highlighted:bg-sunk [&_svg]:size-4 [&_svg]:text-soft";

type ItemProps = { children: ReactNode; onSelect?: () => void; danger?: boolean; disabled?: boolean };
export const MenuItem = ({ children, onSelect, danger, disabled }: ItemProps) => (
  <Radix.Item className={cn(itemClass, danger && "text-rose [&_svg]:text-rose")} onSelect={onSelect} disabled={disabled}>
    {children}
  </Radix.Item>
);
export const MenuLink = ({ children }: { children: ReactNode }) => (
  <Radix.Item asChild className={itemClass}>
    {children}
  </Radix.Item>
);
export const MenuLabel = ({ children }: { children: ReactNode }) => (
  <Radix.Label className="px-2.5 pt-2 pb-1 text-xs text-soft">{children}</Radix.Label>
);
export const MenuLine = () => <Radix.Separator className="my-1 h-px bg-line" />;
