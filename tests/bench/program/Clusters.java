package io.flinkkubeha.tests.bench;

import org.apache.flink.configuration.Configuration;

import java.util.ArrayList;
import java.util.List;

/** The leaders of many clusters: to their API server they are as many processes. */
final class Clusters implements AutoCloseable {

    private final List<OpenServices> services = new ArrayList<>();
    private final List<Contenders> leaders = new ArrayList<>();

    Clusters(Configuration configuration, String name, int count) throws Exception {
        for (int number = 0; number < count; number++) {
            final Configuration one = new Configuration(configuration);
            one.setString("kubernetes.cluster-id", name + "-" + number);
            one.setString("high-availability.cluster-id", "/" + name + "-" + number);
            final OpenServices open = OpenServices.open(one);
            services.add(open);
            leaders.add(new Contenders(open.services(), 0));
        }
    }

    /** Waits until each has its leader. */
    Object led() throws Exception {
        for (Contenders leader : leaders) {
            leader.led();
        }
        return leaders.size();
    }

    /** How often any of them has lost its leadership. */
    int losses() {
        return leaders.stream().mapToInt(Contenders::losses).sum();
    }

    @Override
    public void close() throws Exception {
        for (Contenders leader : leaders) {
            leader.close();
        }
        for (OpenServices open : services) {
            open.close();
        }
    }
}
