"""A container engine of the test's own: its data, its socket, its networks, and no rule in the host's firewall."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

from lab import Failure, Skip, check, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# Docker's own default would be private addresses that a site may use.
NETWORKS = "base=198.19.0.0/17,size=24"


def cache_folder():
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or "/var/cache", "netobs")


def find_compose():
    """The command line of docker-compose, version 2 as a plugin or version 1."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if plugin.returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    raise Skip("needs docker-compose (package docker-compose)")


def require_programs():
    if os.geteuid() != 0:
        raise Skip("needs root: it starts a container engine")
    for program, package in (("dockerd", "docker.io"), ("docker", "docker.io or docker-cli")):
        if not shutil.which(program):
            raise Skip(f"needs {program} (package {package})")


class Engine:
    """dockerd, from the start to the end of a `with` block. Images stay in the cache folder for the next run."""

    def __init__(self):
        require_programs()
        self.compose_command = find_compose()
        self.data = os.path.join(cache_folder(), "engine")
        self.work = tempfile.mkdtemp(prefix="netobs-engine-")
        self.log = f"{self.work}/dockerd.log"
        self.env = dict(os.environ, DOCKER_HOST=f"unix://{self.work}/socket", LC_ALL="C.UTF-8")
        # A user's own settings must not reach the test.
        for name in [*self.env]:
            if name.startswith(("NETOBS_", "COMPOSE_", "MYSQL_")) or name == "DOCKER_CONTEXT":
                if name != "NETOBS_DEBIAN_MIRROR":
                    del self.env[name]
        self.process = None

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind, value, trace):
        self._end()

    def _start(self):
        os.makedirs(self.data, mode=0o710, exist_ok=True)
        with open(self.log, "wb") as log:
            # In a mount namespace of its own: what it mounts ends with it. It ends with this process, a killed
            # one too.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "unshare", "--mount", "--propagation", "private", "dockerd", "--data-root", self.data, "--exec-root", f"{self.work}/exec", "--pidfile",
                 f"{self.work}/pid", "--host", self.env["DOCKER_HOST"], "--group", "root", "--bridge", "none",
                 "--iptables=false", "--ip-forward=false", "--default-address-pool", NETWORKS],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + 60
        while self.run("docker", "version", allowed=None).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > end:
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    lines = [line for line in log.read().splitlines() if line]
                raise Skip(f"no container engine can run here: {lines[-1] if lines else 'it says nothing'}")
            time.sleep(0.1)
        self._remove_leftovers()

    def _remove_leftovers(self):
        """What a test that was killed has left in the data folder, which is nobody else's."""
        for kind, which, how in (("container", ["--all"], ["--force"]), ("volume", [], ["--force"]),
                                 ("network", ["--filter", "type=custom"], [])):
            names = self.docker(kind, "ls", "--quiet", *which).split()
            if names:
                self.docker(kind, "rm", *how, *names)

    def _end(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.work, ignore_errors=True)

    def run(self, *args, allowed=(0,), timeout_s=120, text=True, stdin=None, **env):
        """A command with this engine's address, and how it ended. allowed: statuses; None = any."""
        try:
            done = subprocess.run(args, cwd=ROOT, env=dict(self.env, **env), capture_output=True, text=text,
                                  input=stdin, timeout=timeout_s, check=False)
        except subprocess.TimeoutExpired as error:
            # Bytes, whatever was asked for.
            last = ((error.stdout or b"") + (error.stderr or b""))[-2000:]
            raise Failure(f"{' '.join(args)} did not end within {timeout_s} s: {last!r}") from error
        if allowed is not None:
            check(done.returncode in allowed,
                  f"{' '.join(args)}: status {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        return done

    def docker(self, *args, **more):
        return self.run("docker", *args, **more).stdout.strip()

    def base_image(self, suite):
        done = self.run(f"{HERE}/base_image", suite, allowed=(0, 77), timeout_s=1200)
        if done.returncode == 77:
            raise Skip(done.stderr.strip().splitlines()[-1])

    def build(self, name, folder):
        # The classic builder is in every engine; the other one is a package of its own.
        self.run("docker", "build", "--force-rm", "--network", "host", "-t", name, folder, timeout_s=1200, DOCKER_BUILDKIT="0")


    def unnamed_images(self):
        return self.docker("image", "ls", "--quiet", "--filter", "dangling=true").split()

    def forget(self, images):
        """Removes the stages of earlier builds; what a newer one stands on stays."""
        if images:
            self.run("docker", "image", "rm", *images, allowed=None)


class Project:
    """A compose project of an engine; everything it made is gone when the block ends."""

    def __init__(self, engine, name, files, **env):
        self.engine, self.name, self.env = engine, name, env
        self.base = [*engine.compose_command, "-p", name]
        for file in files:
            self.base += ["-f", file]

    def __enter__(self):
        self("down", "--volumes", "--remove-orphans")
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None and not issubclass(kind, Skip):
            print(self("logs", "--no-color", "--tail", "60", allowed=None).stdout, flush=True)
        self("down", "--volumes", "--remove-orphans", "--timeout", "20")

    def __call__(self, *args, allowed=(0,), timeout_s=180, **env):
        env = {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0", **self.env, **env}
        return self.engine.run(*self.base, *args, allowed=allowed, timeout_s=timeout_s, **env)

    def container(self, service):
        name = self("ps", "-q", service).stdout.strip()
        check(name and "\n" not in name, f"one container of {service}: {name!r}")
        return name

    def inspect(self, service, what):
        return self.engine.docker("inspect", "--format", f"{{{{{what}}}}}", self.container(service))

    def wait_healthy(self, service, deadline_s=120):
        wait_for(lambda: self.inspect(service, ".State.Health.Status") == "healthy", f"{service} to be healthy",
                 deadline_s)

    def exec(self, service, *args, **more):
        """A command in a running service, as `docker compose exec` without a terminal."""
        return self("exec", "-T", service, *args, **more)
