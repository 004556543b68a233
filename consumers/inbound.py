"""Takes receipts and replies that providers bring by Kafka: LOANS_RECEIVER_TOPIC says where."""

from infra.channels.topic_receiver import run


def main() -> None:
    """Run until told to stop."""
    run()


if __name__ == "__main__":
    main()
