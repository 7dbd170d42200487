"""What the git kind needs: names of refs and remotes, repositories whose configuration runs nothing, and clean ones for the network."""
