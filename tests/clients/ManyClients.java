package io.flinkkubeha.tests;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.runtime.highavailability.ClientHighAvailabilityServices;
import org.apache.flink.runtime.highavailability.HighAvailabilityServicesUtils;
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalListener;
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalService;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Opens and closes client services again and again in one JVM, as a SQL gateway does for each statement.
 *
 * <p>Arguments: the directory of the configuration, how many services, how many of them at once. Before the
 * first and after each tenth of them it prints what the process holds: {@code held SERVICES THREADS DESCRIPTORS SOCKETS
 * RESIDENT_KIB}; at the end {@code address ADDRESS}.
 */
public final class ManyClients {

    private ManyClients() {}

    public static void main(String[] args) throws Exception {
        Configuration configuration = GlobalConfiguration.loadConfiguration(args[0]);
        int count = Integer.parseInt(args[1]);
        int atOnce = Integer.parseInt(args[2]);
        print(0);
        ExecutorService users = Executors.newFixedThreadPool(atOnce);
        String address = null;
        for (int tenth = 1; tenth <= 10; tenth++) {
            List<Future<String>> found = new ArrayList<>();
            for (int i = 0; i < count / 10; i++) {
                found.add(users.submit(() -> leaderAddress(configuration)));
            }
            for (Future<String> one : found) {
                address = one.get();
            }
            print(tenth * (count / 10));
        }
        users.shutdown();
        System.out.println("address " + address);
    }

    private static String leaderAddress(Configuration configuration) throws Exception {
        try (ClientHighAvailabilityServices services =
                HighAvailabilityServicesUtils.createClientHAService(
                        configuration, Throwable::printStackTrace)) {
            CompletableFuture<String> address = new CompletableFuture<>();
            LeaderRetrievalService retrieval = services.getClusterRestEndpointLeaderRetriever();
            retrieval.start(
                    new LeaderRetrievalListener() {
                        @Override
                        public void notifyLeaderAddress(String leader, UUID session) {
                            if (leader != null) {
                                address.complete(leader);
                            }
                        }

                        @Override
                        public void handleError(Exception failure) {
                            address.completeExceptionally(failure);
                        }
                    });
            try {
                return address.get(60, TimeUnit.SECONDS);
            } finally {
                retrieval.stop();
            }
        }
    }

    private static void print(int services) throws Exception {
        System.gc();
        Path self = Path.of("/proc/self");
        long threads = entries(self.resolve("task")).size();
        List<Path> descriptors = entries(self.resolve("fd"));
        long sockets = 0;
        for (Path descriptor : descriptors) {
            try {
                sockets += Files.readSymbolicLink(descriptor).toString().startsWith("socket:") ? 1 : 0;
            } catch (java.io.IOException gone) {
                // The descriptor of the listing itself.
            }
        }
        String resident = "0";
        for (String line : Files.readAllLines(self.resolve("status"))) {
            if (line.startsWith("VmRSS:")) {
                resident = line.replaceAll("\\D", "");
            }
        }
        System.out.printf(
                "held %d %d %d %d %s%n", services, threads, descriptors.size(), sockets, resident);
    }

    private static List<Path> entries(Path directory) throws Exception {
        try (Stream<Path> stream = Files.list(directory)) {
            return stream.collect(java.util.stream.Collectors.toList());
        }
    }
}
