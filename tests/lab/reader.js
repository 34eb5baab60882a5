// Looks into the open notebook for the tests. It asks JupyterLab's own model, since cells that are
// out of sight are not on the page. Everything a reader does goes through mouse and keyboard.
() => {
  const widget = (index) => notebook().widgets[index];
  const notebook = () => window.jupyterapp.shell.currentWidget.content;
  const codeCells = () => notebook().widgets.filter((w) => w.model.type === "code");
  const text = (output) =>
    output.output_type === "error"
      ? `${output.ename}: ${output.evalue}`
      : [output.text ?? output.data["text/plain"]].flat().join("");

  window.reader = {
    find: (start) => notebook().widgets.findIndex((w) => w.model.sharedModel.source.startsWith(start)),
    isHidden: (index) => widget(index).isHidden,
    count: (index) => widget(index).model.executionCount,
    outputs: (index) => widget(index).model.outputs.toJSON().map(text).join(""),
    errors: () =>
      codeCells()
        .flatMap((w) => w.model.outputs.toJSON())
        .filter((output) => output.output_type === "error")
        .map(text),
    unfinished: () =>
      codeCells().filter((w) => w.model.sharedModel.source.trim() && !w.model.executionCount).length,
    clear: () => window.jupyterapp.commands.execute("notebook:clear-all-cell-outputs"),
    show: async (index) => {
      notebook().activeCellIndex = index;
      await notebook().scrollToItem(index, "center");
    },
  };
}
