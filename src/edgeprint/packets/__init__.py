"""From pcap and pcapng files to columns: one decoder, DNS and TLS side tables, the device inventory."""
