import { type ReactNode, useState } from "react";
import { Autocomplete, useFilter } from "react-aria-components/Autocomplete";
import { Button } from "react-aria-components/Button";
import { FieldError } from "react-aria-components/FieldError";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { ListBox, ListBoxItem } from "react-aria-components/ListBox";
import { Popover } from "react-aria-components/Popover";
import { SearchField } from "react-aria-components/SearchField";
import { Select as AriaSelect, SelectValue } from "react-aria-components/Select";
import { Text } from "react-aria-components/Text";
import { classes } from "./classes";
import type { FieldText } from "./field";
import { Icon } from "./icon";

export interface Option<K extends string> {
  id: K;
  label: string;
  /** A second line, or what stands at the end. */
  detail?: ReactNode;
  /** What the closed field shows in place of the label. */
  short?: ReactNode;
}

export interface SelectProps<K extends string> extends FieldText {
  options: readonly Option<K>[];
  value: K | null;
  onChange: (value: K) => void;
  placeholder?: string;
  isDisabled?: boolean;
  /** Name of a search field above the options, for long lists. */
  search?: string;
  hideLabel?: boolean;
  className?: string;
}

export function Select<K extends string>({
  label,
  hint,
  error,
  options,
  value,
  onChange,
  placeholder,
  search,
  hideLabel,
  className,
  ...rest
}: SelectProps<K>) {
  const [filter, setFilter] = useState("");
  const { contains } = useFilter({ sensitivity: "base" });
  const list = (
    <ListBox className="listbox" items={options as Iterable<Option<K>>}>
      {(option) => (
        <ListBoxItem
          id={option.id}
          textValue={`${option.label} ${typeof option.detail === "string" ? option.detail : ""}`}
          className="listbox-item"
        >
          {({ isSelected }) => (
            <>
              <span className="listbox-text">
                <Text slot="label">{option.label}</Text>
                {option.detail && (
                  <Text slot="description" className="listbox-detail">
                    {option.detail}
                  </Text>
                )}
              </span>
              {isSelected && <Icon name="check" size={18} />}
            </>
          )}
        </ListBoxItem>
      )}
    </ListBox>
  );
  return (
    <AriaSelect
      {...rest}
      value={value as string | null}
      onChange={(key) => key !== null && onChange(key as K)}
      {...(placeholder ? { placeholder } : {})}
      {...(hideLabel ? { "aria-label": label } : {})}
      {...(error === undefined ? {} : { isInvalid: true, validationBehavior: "aria" as const })}
      className={classes("field", className)}
      onOpenChange={() => setFilter("")}
    >
      {!hideLabel && <Label className="field-label">{label}</Label>}
      <Button className="field-box select-button">
        <SelectValue className="select-value">
          {({ defaultChildren, isPlaceholder }) => {
            const chosen = options.find((option) => option.id === value);
            return isPlaceholder || !chosen ? defaultChildren : (chosen.short ?? chosen.label);
          }}
        </SelectValue>
        <Icon name="chevronDown" size={16} />
      </Button>
      {hint && !error && (
        <Text slot="description" className="field-hint">
          {hint}
        </Text>
      )}
      <FieldError className="field-error">{error}</FieldError>
      <Popover className="popover select-popover" offset={4}>
        {search ? (
          <Autocomplete filter={contains} inputValue={filter} onInputChange={setFilter}>
            <SearchField aria-label={search} autoFocus className="field select-search">
              <div className="field-box">
                <Icon name="search" size={16} />
                <Input className="field-input" placeholder={search} />
              </div>
            </SearchField>
            {list}
          </Autocomplete>
        ) : (
          list
        )}
      </Popover>
    </AriaSelect>
  );
}
