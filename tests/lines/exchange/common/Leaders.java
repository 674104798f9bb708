package io.flinkkubeha.tests.exchange;

import org.apache.flink.api.common.JobID;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.runtime.leaderelection.LeaderContender;
import org.apache.flink.runtime.leaderelection.LeaderElection;
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalListener;
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalService;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** The components of a JobManager, as contenders and as others find them. */
final class Leaders implements AutoCloseable {

    static final JobID JOB = Checkpoints.JOB;

    private final HighAvailabilityServices services;
    private final String host;
    private final Map<String, LeaderElection> elections = new LinkedHashMap<>();

    Leaders(HighAvailabilityServices services, String host) {
        this.services = services;
        this.host = host;
    }

    /** Waits until all components are leader and have published their address. */
    Map<String, List<String>> lead() throws Exception {
        elections.put("resourcemanager", services.getResourceManagerLeaderElection());
        elections.put("dispatcher", services.getDispatcherLeaderElection());
        elections.put("restserver", services.getClusterRestEndpointLeaderElection());
        elections.put("job", services.getJobManagerLeaderElection(JOB));
        final Map<String, CompletableFuture<List<String>>> published = new LinkedHashMap<>();
        for (String component : elections.keySet()) {
            final CompletableFuture<List<String>> done = new CompletableFuture<>();
            published.put(component, done);
            final LeaderElection election = elections.get(component);
            election.startLeaderElection(new Contender(election, address(component), done));
        }
        return all(published, 60);
    }

    private String address(String component) {
        return component.equals("restserver")
                ? "http://" + host + ":8081"
                : "pekko.tcp://flink@" + host + ":6123/user/rpc/" + component + "_0";
    }

    /** What another process is told about the leaders. */
    Map<String, List<String>> retrieve() throws Exception {
        final Map<String, LeaderRetrievalService> retrievers = new LinkedHashMap<>();
        retrievers.put("resourcemanager", services.getResourceManagerLeaderRetriever());
        retrievers.put("dispatcher", services.getDispatcherLeaderRetriever());
        retrievers.put("restserver", services.getClusterRestEndpointLeaderRetriever());
        retrievers.put("job", services.getJobManagerLeaderRetriever(JOB, "unknown"));
        final Map<String, CompletableFuture<List<String>>> found = new LinkedHashMap<>();
        try {
            for (String component : retrievers.keySet()) {
                final CompletableFuture<List<String>> done = new CompletableFuture<>();
                found.put(component, done);
                retrievers.get(component).start(new Listener(done));
            }
            return all(found, 30);
        } finally {
            for (LeaderRetrievalService retriever : retrievers.values()) {
                retriever.stop();
            }
        }
    }

    private static Map<String, List<String>> all(
            Map<String, CompletableFuture<List<String>>> futures, long seconds) throws Exception {
        final long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        final Map<String, List<String>> values = new LinkedHashMap<>();
        for (Map.Entry<String, CompletableFuture<List<String>>> entry : futures.entrySet()) {
            values.put(
                    entry.getKey(),
                    entry.getValue().get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS));
        }
        return values;
    }

    @Override
    public void close() throws Exception {
        for (LeaderElection election : elections.values()) {
            election.close();
        }
    }

    /** Confirms its leadership, and fails if it loses it before it is closed. */
    private static final class Contender implements LeaderContender {

        private final LeaderElection election;
        private final String address;
        private final CompletableFuture<List<String>> published;

        Contender(
                LeaderElection election,
                String address,
                CompletableFuture<List<String>> published) {
            this.election = election;
            this.address = address;
            this.published = published;
        }

        @Override
        public void grantLeadership(UUID session) {
            election.confirmLeadershipAsync(session, address)
                    .whenComplete(
                            (ignored, failure) -> {
                                if (failure == null) {
                                    published.complete(List.of(session.toString(), address));
                                } else {
                                    published.completeExceptionally(failure);
                                }
                            });
        }

        @Override
        public void revokeLeadership() {}

        @Override
        public void handleError(Exception exception) {
            published.completeExceptionally(exception);
        }
    }

    /** Completes with the first leader that it is told about. */
    private static final class Listener implements LeaderRetrievalListener {

        private final CompletableFuture<List<String>> found;

        Listener(CompletableFuture<List<String>> found) {
            this.found = found;
        }

        @Override
        public void notifyLeaderAddress(String address, UUID session) {
            if (address != null && session != null) {
                found.complete(List.of(session.toString(), address));
            }
        }

        @Override
        public void handleError(Exception exception) {
            found.completeExceptionally(exception);
        }
    }
}
