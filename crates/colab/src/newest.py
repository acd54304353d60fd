def newest():
    hints = {404: "Nothing has been published there yet, or not for everybody.", None: "Is this runtime on the internet?"}
    for file in "manifest.json", "manifest-previous.json", "manifest.json":  # one is always there, also during a release
        try:
            with urllib.request.urlopen(f"{RELEASE}/{file}", timeout=30) as answer:
                return json.loads(answer.read().decode("ascii").replace("\\", "?"))  # no escapes to the terminal
        except (OSError, ValueError) as problem:
            code, why = getattr(problem, "code", None), problem
            if code != 404:
                break
    raise RuntimeError(f"{RELEASE}: {why}. {hints.get(code, 'Too many requests, or trouble at GitHub: wait some minutes.')}")
