import { cva, type VariantProps } from "class-variance-authority";
import { Slot } from "radix-ui";
import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

const looks = cva(
  "inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md font-medium whitespace-nowrap transition-colors disabled:pointer-events-none disabled:opacity-55 [&_svg]:size-4 [&_svg]:shrink-0",
  {
    variants: {
      look: {
        main: "bg-leaf text-on-leaf hover:bg-leaf-strong",
        plain: "border border-line-strong bg-card text-ink hover:bg-sunk",
        ghost: "text-soft hover:bg-sunk hover:text-ink",
        danger: "border border-rose/40 bg-card text-rose hover:bg-rose-wash",
      },
      size: { md: "h-9 px-3.5", sm: "h-8 px-2.5 text-[13px]", icon: "size-8" },
    },
    defaultVariants: { look: "plain", size: "md" },
  },
);

export type ButtonProps = ComponentProps<"button"> & VariantProps<typeof looks> & { asChild?: boolean; busy?: boolean };

export function Button({ className, look, size, asChild, busy, disabled, ...rest }: ButtonProps) {
  const Tag = asChild ? Slot.Root : "button";
  return (
    <Tag
      {...(asChild ? {} : { type: "button" as const, disabled: disabled || busy })}
      aria-busy={busy || undefined}
      className={cn(looks({ look, size }), className)}
      {...rest}
    />
  );
}
