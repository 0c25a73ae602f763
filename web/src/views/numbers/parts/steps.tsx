/** Numbered steps for a person with a phone in the hand. */
export function Steps({ steps }: { steps: readonly string[] }) {
  return (
    <ol className="numbers-steps">
      {steps.map((step) => (
        <li key={step}>{step}</li>
      ))}
    </ol>
  );
}
