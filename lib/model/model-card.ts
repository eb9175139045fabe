/** The README.md beside saved weights. */
export function modelCard({ title, details }: { readonly title: string; readonly details: string }): string {
  return `# ${title}

**Research only. Not for clinical decisions: its answers may be wrong, and nobody has checked them.**

${details}

Made with the Med42 workbook, which re-runs "Med42 - Evaluating Fine-Tuning Strategies for Medical LLMs:
Full-Parameter vs. Parameter-Efficient Approaches". It is not the paper's model.
`;
}
