// What the tests ask of a JupyterLab page, as `lab`.
window.lab = {
  ran: [],
  found: null,
  // The notebook, whatever else is in front of it later.
  get panel() {
    this.found ??= window.jupyterapp?.shell?.currentWidget ?? null;
    return this.found;
  },
  // Another tab of JupyterLab in front of the notebook, and the notebook in front again.
  cover() {
    void window.jupyterapp.commands.execute("launcher:create");
  },
  uncover() {
    window.jupyterapp.shell.activateById(this.panel.id);
  },
  show(place) {
    this.panel.content.activeCellIndex = place;
    this.panel.content.widgets[place].node.scrollIntoView();
  },
  scroll(top) {
    const outer = this.panel.content.outerNode ?? this.panel.content.node;
    outer.scrollTop = top;
  },
  get kernel() {
    return this.panel?.sessionContext?.session?.kernel;
  },
  get cells() {
    return this.panel.content.model.sharedModel;
  },
  get loaded() {
    return Boolean(this.panel?.content?.model && this.panel.sessionContext);
  },
  get idle() {
    return this.loaded && this.panel.sessionContext.isReady && this.kernel?.status === "idle";
  },
  setCells(sources) {
    const { cells } = this;
    const made = sources.map((source) => ({ cell_type: "code", source, metadata: {}, outputs: [] }));
    cells.transact(() => {
      cells.deleteCellRange(0, cells.cells.length);
      cells.insertCells(0, made);
    });
    this.ran = [];
  },
  run(place) {
    const notebook = this.panel.content;
    notebook.activeCellIndex = place;
    notebook.deselectAll();
    this.ran[place] = false;
    void window.jupyterapp.commands.execute("notebook:run-cell").then(() => {
      this.ran[place] = true;
    });
  },
  outputs(place) {
    return this.panel.content.widgets[place].model.sharedModel.getOutputs();
  },
  async ask(code) {
    const future = this.kernel.requestExecute({ code, silent: true, store_history: false });
    let text = "";
    future.onIOPub = ({ header, content }) => {
      if (header.msg_type === "stream" && content.name === "stdout") text += content.text;
    };
    const { content } = await future.done;
    return { text, error: content.status === "ok" ? null : `${content.ename}: ${content.evalue}` };
  },
};
