import { useId, type ComponentProps, type ReactNode } from "react";
import { cn } from "@/lib/cn";

export const controlClass =
  "w-full rounded-md border border-line-strong bg-card px-2.5 py-1.5 text-sm text-ink placeholder:text-soft/80 focus-visible:outline-2 focus-visible:outline-offset-0 focus-visible:outline-leaf disabled:opacity-60 aria-invalid:border-rose";

export const Input = ({ className, ...rest }: ComponentProps<"input">) => (
  <input autoComplete="off" className={cn(controlClass, "h-9", className)} {...rest} />
);
export const Textarea = ({ className, ...rest }: ComponentProps<"textarea">) => (
  <textarea className={cn(controlClass, "min-h-20 font-mono text-[13px]", className)} {...rest} />
);
export const Select = ({ className, ...rest }: ComponentProps<"select">) => (
  <select className={cn(controlClass, "h-9 pr-7", className)} {...rest} />
);

type FieldProps = {
  label: ReactNode;
  hint?: ReactNode;
  error?: ReactNode;
  className?: string;
  children: (ids: { id: string; "aria-describedby"?: string; "aria-invalid"?: boolean }) => ReactNode;
};

/** A label, its control, a hint, and what is wrong with it, tied together for screen readers. */
export function Field({ label, hint, error, className, children }: FieldProps) {
  const id = useId();
  const described = [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ");
  return (
    <div className={cn("flex flex-col gap-1", className)}>
      <label htmlFor={id} className="text-[13px] font-medium">
        {label}
      </label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": error ? true : undefined })}
      {hint && (
        <p id={`${id}-hint`} className="text-xs text-soft">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} className="text-xs text-rose">
          {error}
        </p>
      )}
    </div>
  );
}
