// Walk the syntax tree of an examiner: only the statements and expressions that examiners use.
(function () {
  "use strict";
  const { Wrong, NotAttempted, Dict, PySet, BUILTINS, METHODS, repr, truth, members, equal, compare, holds, format, asList } = rnnbookExaminer;

  const BINARY = {
    Add: (a, b) => (Array.isArray(a) ? [...a, ...b] : a + b),
    Sub: (a, b) => (a instanceof PySet ? PySet.of(members(a).filter((member) => !b.has(member))) : a - b),
    Mult: (a, b) => a * b, Div: (a, b) => a / b, FloorDiv: (a, b) => Math.floor(a / b), Pow: (a, b) => a ** b,
    Mod: (a, b) => a - b * Math.floor(a / b),
  };
  const COMPARE = {
    Eq: equal, NotEq: (a, b) => !equal(a, b), In: (a, b) => holds(b, a), NotIn: (a, b) => !holds(b, a),
    Lt: (a, b) => compare(a, b) < 0, LtE: (a, b) => compare(a, b) <= 0, Gt: (a, b) => compare(a, b) > 0, GtE: (a, b) => compare(a, b) >= 0,
    Is: (a, b) => a === b, IsNot: (a, b) => a !== b,
  };

  function assign(target, value, env) {
    const [kind, inner] = target;
    if (kind === "Name") env[inner] = value;
    else members(value).forEach((member, n) => assign(inner[n], member, env));
  }

  // The members of a list of expressions, starred ones spread.
  const spread = (nodes, env) => nodes.flatMap((node) => (node[0] === "Starred" ? members(value(node[1], env)) : [value(node, env)]));

  function comprehension(element, generators, env) {
    if (!generators.length) return [element(env)];
    const [[, target, iterated, conditions], ...rest] = generators;
    return members(value(iterated, env)).flatMap((member) => {
      const inner = Object.create(env);
      assign(target, member, inner);
      return conditions.every((condition) => truth(value(condition, inner))) ? comprehension(element, rest, inner) : [];
    });
  }

  const at = (values, index) => (index < 0 ? values.length + index : index);

  const VALUES = {
    Constant: ([constant]) => constant,
    Name: ([name], env) => {
      if (name in env) return env[name];
      throw new ReferenceError(`${name} is not known to the page`);
    },
    Tuple: ([nodes], env) => spread(nodes, env),
    List: ([nodes], env) => asList(spread(nodes, env)),
    Set: ([nodes], env) => PySet.of(spread(nodes, env)),
    Dict: ([keys, values], env) => Dict.of(keys.map((key, n) => [value(key, env), value(values[n], env)])),
    BinOp: ([left, operator, right], env) => BINARY[operator](value(left, env), value(right, env)),
    UnaryOp: ([operator, operand], env) => (operator === "Not" ? !truth(value(operand, env)) : -value(operand, env)),
    BoolOp([operator, nodes], env) {
      let found;
      for (const node of nodes) {
        found = value(node, env);
        if (truth(found) === (operator === "Or")) break;
      }
      return found;
    },
    Compare([left, operators, nodes], env) {
      let before = value(left, env);
      return nodes.every((node, n) => {
        const next = value(node, env);
        const held = COMPARE[operators[n]](before, next);
        before = next;
        return held;
      });
    },
    IfExp: ([test, then, otherwise], env) => value(truth(value(test, env)) ? then : otherwise, env),
    NamedExpr: ([[, name], node], env) => (env[name] = value(node, env)),
    JoinedStr: ([parts], env) => parts.map((part) => value(part, env)).join(""),
    FormattedValue([node, conversion, spec], env) {
      const found = value(node, env);
      return format(conversion === 114 ? repr(found) : found, spec && value(spec, env));
    },
    Attribute: ([node, name], env) => {
      const owner = value(node, env);
      return owner === BUILTINS.math ? owner[name] : (...given) => METHODS[name](owner, ...given);
    },
    Subscript([node, index], env) {
      const owner = value(node, env);
      if (index[0] === "Slice") {
        const [low, high] = index.slice(1, 3).map((bound) => (bound ? value(bound, env) : undefined));
        return owner.slice(low, high);
      }
      const key = value(index, env);
      return owner instanceof Dict ? METHODS.get(owner, key) : owner[at(owner, key)];
    },
    Call([callee, args, keywords], env) {
      const given = spread(args, env);
      const named = Object.fromEntries(keywords.map(([, name, node]) => [name, value(node, env)]));
      const called = value(callee, env);
      if (called.python) return call(called.python, given, named, env);
      delete named.strict; // of zip: the rows are of one length
      return Object.keys(named).length ? called(...given, named) : called(...given);
    },
    ListComp: ([element, generators], env) => asList(comprehension((inner) => value(element, inner), generators, env)),
    GeneratorExp: ([element, generators], env) => comprehension((inner) => value(element, inner), generators, env),
    SetComp: ([element, generators], env) => PySet.of(comprehension((inner) => value(element, inner), generators, env)),
    DictComp: ([key, element, generators], env) =>
      Dict.of(comprehension((inner) => [value(key, inner), value(element, inner)], generators, env)),
  };
  const value = ([kind, ...fields], env) => VALUES[kind](fields, env);

  // Each statement returns nothing, or what ends the block it stands in.
  const STATEMENTS = {
    Expr: ([node], env) => { value(node, env); },
    Assign: ([targets, node], env) => { for (const target of targets) assign(target, value(node, env), env); },
    If: ([test, body, otherwise], env) => block(truth(value(test, env)) ? body : otherwise, env),
    For([target, iterated, body], env) {
      for (const member of members(value(iterated, env))) {
        assign(target, member, env);
        const end = block(body, env);
        if (end && end.kind !== "Continue") return end;
      }
      return undefined;
    },
    Continue: () => ({ kind: "Continue" }),
    Pass: () => undefined,
    Return: ([node], env) => ({ kind: "Return", value: node ? value(node, env) : null }),
    Raise: ([node], env) => { throw value(node, env); },
  };

  function block(statements, env) {
    for (const [kind, ...fields] of statements) {
      const end = STATEMENTS[kind](fields, env);
      if (end) return end;
    }
    return undefined;
  }

  function call({ names, defaults, body }, given, named, env) {
    const inner = Object.create(env.globals);
    names.forEach((name, n) => {
      const otherwise = defaults[n - (names.length - defaults.length)];
      inner[name] = n < given.length ? given[n] : name in named ? named[name] : value(otherwise, env.globals);
    });
    return block(body, inner)?.value ?? null;
  }

  // Examine answers as `rnnbook.grade` does: a status and a message.
  rnnbookExaminer.examine = ({ functions, constants, main }, answers) => {
    const globals = Object.assign(Object.create(null), BUILTINS, constants);
    globals.globals = globals;
    for (const [name, python] of Object.entries(functions)) globals[name] = { python };
    try {
      return { status: "passed", message: call(functions[main], answers, {}, globals) ?? "" };
    } catch (error) {
      if (error instanceof NotAttempted) return { status: "not attempted yet", message: "" };
      if (error instanceof Wrong) return { status: "not yet", message: error.message };
      throw error;
    }
  };
})();
